"""Vesalius: medical scans into compact, tested representations and back. Research use only, not a medical device."""

__version__ = "0.1.0"
