"""A beating short-axis heart with known truth, written in the layout of ACDC.

Reading order: options, subject (what is requested), heart (shape), grid, labels, paint, anatomy and render
(pictures), patient (one phantom), write (a cohort).
"""
