"""Segmentation: train on label maps, measure on held-out patients, write masks on the grid of the input."""
