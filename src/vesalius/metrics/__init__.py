"""Measures on arrays: images, masks, scores, bit streams, rate-distortion curves, intervals. No torch, no files."""
