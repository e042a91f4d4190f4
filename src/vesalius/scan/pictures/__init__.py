"""PNG, JPEG and TIFF. Reading order: stack, picture (png_chunks, tiff_pages), beside; write makes new files."""
