"""Measuring: each evaluation leaves summary.json, table.csv, figures and report.html in a folder."""
