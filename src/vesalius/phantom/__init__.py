"""Synthetic cohorts with known truth, drawn from a seed and written in the layouts of real data sets."""
