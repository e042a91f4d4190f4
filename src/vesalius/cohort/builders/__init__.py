"""One file for each layout that data sets come in: a folder to cases."""
