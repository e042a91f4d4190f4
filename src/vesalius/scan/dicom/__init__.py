"""DICOM files, series and folders of them.

Reading order: series (lost), header, element (codestream), frames (rescale, diffusion), order (positions, parts),
intensity, pixels (palette), assemble; `values` serves all of them. native (kept, cells, privacy) and write give a stack
back.
"""
