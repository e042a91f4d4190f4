"""What classifiers of every job share: calibration, measured findings, checks of labels, and pages."""
