"""PNG, JPEG and TIFF. Reading order: stack, picture (complete); write makes new files."""
