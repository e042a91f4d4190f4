"""NIfTI and Analyze 7.5.

Reading order: read (header, affine, pixels; file opens the bytes), then write for new files and analyze for the older
pairs.
"""
