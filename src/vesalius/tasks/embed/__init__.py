"""Vectors of a scan or of a cohort: `vesalius embed`."""
