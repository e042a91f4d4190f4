"""Measures on arrays: images, masks, bit streams, rate-distortion curves, intervals. No torch, no files."""
