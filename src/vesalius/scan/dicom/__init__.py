"""DICOM files, series and folders of them.

Reading order: series (lost), header, element, frames (rescale, diffusion), order (parts), pixels, assemble (the
Scan); `values` reads damaged attributes for all of them. native (cells, privacy) packs a stack and write restores it.
`segmentation` (concepts) writes label maps beside a series.
"""
