"""NRRD and MetaImage, read only. Reading order: nrrd (nrrd_header), metaimage; both build on flat_pixels."""
