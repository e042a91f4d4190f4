"""`evaluate masks`: predicted label masks against reference masks, per class and per patient."""

from vesalius.tasks.evaluate.masks.run import evaluate_masks, lines

__all__ = ["evaluate_masks", "lines"]
