"""Whether synthetic pictures help a classifier, `evaluate augmentation`."""
