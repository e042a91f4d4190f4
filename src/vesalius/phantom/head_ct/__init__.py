"""Synthetic head CT with known truth: anatomy, five kinds of bleed, look-alikes, a scanner, and the files of a cohort.

No real patient is behind any of it. `study.head_ct_study` makes one study, `write.write_head_ct` a cohort on disk.
"""
