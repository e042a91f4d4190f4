"""Label efficiency: what a classifier is worth when it learns from fewer patients, `evaluate label-efficiency`."""
