"""Names of the transforms in configurations, and where they live."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from vesalius.errors import ConfigError

if TYPE_CHECKING:
    from vesalius.transforms.transform import Transform

_HOMES = {
    "affine": "affine:Affine",
    "blur": "blur:Blur",
    "center_crop": "crop:CenterCrop",
    "center_fit": "crop:CenterFit",
    "center_pad": "crop:CenterPad",
    "chain": "transform:Chain",
    "colour_jitter": "colour:ColourJitter",
    "contrast": "intensity:Contrast",
    "elastic": "elastic:Elastic",
    "equalize": "equalize:Equalize",
    "flip": "turn:Flip",
    "foreground_crop": "foreground:ForegroundCrop",
    "frames": "tempo:Frames",
    "grey_jitter": "intensity:GreyJitter",
    "greyscale": "colour:Greyscale",
    "label_crop": "foreground:LabelCrop",
    "modality_dropout": "modality:ModalityDropout",
    "monai": "adapter:Monai",
    "monai_dict": "adapter:MonaiDict",
    "percentiles": "normalize:Percentiles",
    "quarter_turn": "turn:QuarterTurn",
    "random_crop": "crop:RandomCrop",
    "random_resized_crop": "resize:RandomResizedCrop",
    "repeat": "normalize:Repeat",
    "resize": "resize:Resize",
    "scale_shift": "intensity:ScaleShift",
    "sometimes": "transform:Sometimes",
    "standardize": "normalize:Standardize",
    "tempo": "tempo:Tempo",
    "torchio": "adapter:TorchIO",
    "windows": "normalize:Windows",
    "zscore": "normalize:ZScore",
}


def class_named(name: str) -> type[Transform]:
    """The class of a transform.

    Raises:
        ConfigError: no such name.
    """
    if name not in _HOMES:
        near = difflib.get_close_matches(name, _HOMES, n=1, cutoff=0)
        raise ConfigError("no such transform", where=name, fix=f"did you mean {near[0]!r}?")
    module, cls = _HOMES[name].split(":")
    found: type[Transform] = getattr(importlib.import_module(f"vesalius.transforms.{module}"), cls)
    return found


def name_of(cls: type[Transform]) -> str:
    """The name of a class; for one that the table does not hold "module:Class"."""
    package, _, module = cls.__module__.rpartition(".")
    home = f"{module}:{cls.__name__}"
    names = [name for name, at in _HOMES.items() if at == home] if package == "vesalius.transforms" else []
    return names[0] if names else f"{cls.__module__}:{cls.__qualname__}"


def names() -> tuple[str, ...]:
    """All names, sorted."""
    return tuple(sorted(_HOMES))
