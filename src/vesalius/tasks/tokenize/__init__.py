"""Tokenizers of scans learn to reconstruct slices over their cycle from few integers."""
