"""Compress: scans to `.vsl` files, back, and the proof that nothing was lost."""
