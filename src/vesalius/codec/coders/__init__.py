"""Image and video coders behind one protocol, each a file; `table.py` lists them."""
