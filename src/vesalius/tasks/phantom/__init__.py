"""Synthetic cohorts with known truth, and their manifests."""
