"""NIfTI and Analyze 7.5.

Reading order: read, header, affine, pixels; `file` opens the bytes. write makes new files,
analyze reads the older pairs.
"""
