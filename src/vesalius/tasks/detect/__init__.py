"""Findings on scans: a frozen encoder gives vectors of the slices, and a light head says what they show."""
