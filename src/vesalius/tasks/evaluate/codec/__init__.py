"""`evaluate codec`: coders compared on studies, by one set of definitions."""

from vesalius.tasks.evaluate.codec.run import evaluate_codec, lines

__all__ = ["evaluate_codec", "lines"]
