"""`evaluate codec`: coders compared on studies, by one set of definitions."""

from vesalius.tasks.evaluate.codec.run import CodecEvaluationConfig, evaluate_codec, lines

__all__ = ["CodecEvaluationConfig", "evaluate_codec", "lines"]
