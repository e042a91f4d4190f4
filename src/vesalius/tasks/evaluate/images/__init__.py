"""`evaluate images`: how near generated pictures are to real ones, and whether they repeat those of the training."""
