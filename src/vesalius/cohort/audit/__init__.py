"""Faults of a cohort, found before anything is trained on it."""
