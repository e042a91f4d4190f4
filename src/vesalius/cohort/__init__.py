"""Many scans: cases and their manifests, how they are found, split, audited and loaded.

A *scan* is what one file or one DICOM series holds: pixels with their geometry (`vesalius.scan`). A *study* is one
examination of a patient; it may have many scans, some on other grids. A *case* is one line of a manifest and the unit
of training and measuring: scans on one grid that belong together (one CT series, or four MRI sequences), with their
masks, labels and facts. A study has one case or several; splits never separate the cases of a patient.
"""
