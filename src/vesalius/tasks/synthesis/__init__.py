"""Synthetic pictures as files, `vesalius generate`. Read `run` first."""
