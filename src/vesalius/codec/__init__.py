"""Scan <-> `.vsl`: container, chunks, tiers and coders."""
