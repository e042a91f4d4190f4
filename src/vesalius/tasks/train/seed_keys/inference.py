"""The keys of an inference configuration of the diffusion transformer, at its top level or in the block `inference`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vesalius.tasks.train.seed_keys.places import Place, moved, nothing


def _sides(size: Any) -> Any:
    """A side is that of a square."""
    return [size, size] if isinstance(size, int) else size


_KEYS: Mapping[str, Place] = {
    "num_inference_steps": moved("steps"),
    "num_steps": moved("steps"),
    "guidance_scale": moved("guidance"),
    "cfg_scale": moved("guidance"),
    "mask_guidance_scale": moved("mask_guidance"),
    "solver": moved("sampler"),
    "image_size": moved("size", _sides),
    "num_images": moved("count"),
    "batch_size": moved("batch"),
    "label_to_text": moved("texts"),
    "checkpoint_path": nothing,
    "output_dir": nothing,
    "device": nothing,
    "use_amp": nothing,
    "amp_dtype": nothing,
}
_ALIKE = ("seed", "sampler")
"""Keys that mean the same here; within the block they move out of it."""
INFERENCE_KEYS: Mapping[str, Place] = {
    **_KEYS,
    **{f"inference.{key}": place for key, place in _KEYS.items()},
    **{f"inference.{key}": moved(key) for key in _ALIKE},
}
"""Key -> what it does to the keys of `vesalius generate`. Model, folder and device are named on the command line."""
