"""`evaluate masks`: predicted label masks against reference masks, per class and per patient."""
