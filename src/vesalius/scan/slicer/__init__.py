"""NRRD and MetaImage, read only. Reading order: nrrd, metaimage; both build on flat_pixels."""
