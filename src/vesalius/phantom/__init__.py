"""Synthetic cohorts with known truth: made from a seed, written in the layouts of real data sets."""
