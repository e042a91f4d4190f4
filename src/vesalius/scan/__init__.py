"""One scan: pixels, geometry, time, files."""
