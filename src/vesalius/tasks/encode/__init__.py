"""Frozen encoders over the slices of scans: vectors that are made once and kept, and maps of patches."""
