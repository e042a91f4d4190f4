"""One scan: pixels, geometry, time, files.

The noun: scan (Scan) with pixels, geometry (an affine) or stack (slices), intensity, note (its problems), native.
The doors: open (open_scan, find_scans; found, reading, signature, damage), write, numpy_file and the wings dicom,
nifti, slicer, pictures; second_reader checks the first.
What can be done with a scan: part, orient, grid and resample, colours, label_values, describe.
"""
