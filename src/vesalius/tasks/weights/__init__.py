"""Models as files: list them, import public checkpoints, fetch those, export to ONNX."""
