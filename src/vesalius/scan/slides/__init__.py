"""Whole-slide images through openslide. Reading order: slide, tissue."""
