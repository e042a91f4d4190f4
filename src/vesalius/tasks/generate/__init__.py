"""Labelled pictures from text and masks: a diffusion transformer that learns rectified flow.

Reading order: config, cuts, buckets, canvas, conditions, task, sampler, generator, job.
"""
