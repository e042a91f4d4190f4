"""From the voxels of a scan to what a person or a net looks at: views, windows, preparation, random changes."""
