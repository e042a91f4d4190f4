"""An encoder of pictures learns without labels: two views of a picture belong together (SimCLR and its relatives)."""
