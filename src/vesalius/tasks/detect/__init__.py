"""Findings on scans: a frozen encoder looks at the slices, a light head says what is there."""
