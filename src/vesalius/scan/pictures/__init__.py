"""PNG, JPEG and TIFF. Reading order: stack, picture (png_chunks, tiff_pages); write makes new files."""
