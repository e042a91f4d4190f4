"""A beating short-axis heart with known truth, written in the layout of ACDC.

Reading order: options, subject (what is requested), heart (shape), grid, fit (labels), anatomy, render and paint
(pictures), waves, receive (coils, noise), measure, patient (one phantom), write (a cohort).
"""
