"""Synthetic head CT with known truth: anatomy, five kinds of bleed, look-alikes, a scanner, and the files of a cohort.

It is based on no real patient. Reading order: options, labels, fields, anatomy (one patient), head (tissue at points),
bleeds, study (`head_ct_study`), write (`write_head_ct`, a cohort on disk).
"""
