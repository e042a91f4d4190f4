"""Cohorts from a folder to splits and shards."""
