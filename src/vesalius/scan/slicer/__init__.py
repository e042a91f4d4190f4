"""NRRD and MetaImage: nrrd, nrrd_header and metaimage, above the flat arrays of flat_pixels."""
