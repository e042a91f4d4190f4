"""NIfTI and Analyze 7.5.

Reading order: read (header, affine, pixels), then write for new files and analyze for the older pairs.
"""
