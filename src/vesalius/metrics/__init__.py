"""Measures on arrays: images, bit streams, rate-distortion curves, intervals. No torch, no files."""
