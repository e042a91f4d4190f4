"""A transform: randomness apart from its application.

`draw` takes random numbers and looks at nothing else, so the same generator gives the same parameters for every
array; `apply` and `apply_mask` have no randomness, so one draw changes an image and its masks alike. Neither changes
its input; results may share its memory.

A transform is a strict configuration: it is read from YAML by its name in `TRANSFORMS`, and its digest names the work
it does in cache keys.
"""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Protocol, TypeAlias

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny

from vesalius.config import Config, Named
from vesalius.named import Table
from vesalius.transforms.arrays import Array

Params: TypeAlias = Any
"""Result of one draw: plain numbers and tuples; None where there is nothing to draw."""
Range: TypeAlias = Annotated[tuple[float, float], AfterValidator(lambda ends: _ascending(ends))]
"""A field of a configuration: smallest and largest value."""
PositiveRange: TypeAlias = Annotated[Range, AfterValidator(lambda ends: _positive(ends))]
"""A Range above 0."""
_REVISION = 1
"""Part of every digest: raise it when any transform gives other values for the same configuration."""

TRANSFORMS = Table(
    "transform",
    {
        "affine": "vesalius.transforms.spatial:Affine",
        "blur": "vesalius.transforms.intensity:Blur",
        "cavity": "vesalius.transforms.cavity:Cavity",
        "center_crop": "vesalius.transforms.crop:CenterCrop",
        "center_fit": "vesalius.transforms.crop:CenterFit",
        "center_pad": "vesalius.transforms.crop:CenterPad",
        "chain": "vesalius.transforms.transform:Chain",
        "coarse": "vesalius.transforms.acquisition:Coarse",
        "colour_jitter": "vesalius.transforms.intensity:ColourJitter",
        "contrast": "vesalius.transforms.intensity:Contrast",
        "cut_out": "vesalius.transforms.crop:CutOut",
        "elastic": "vesalius.transforms.spatial:Elastic",
        "equalize": "vesalius.transforms.normalize:Equalize",
        "flip": "vesalius.transforms.spatial:Flip",
        "foreground_crop": "vesalius.transforms.crop:ForegroundCrop",
        "frames": "vesalius.transforms.resize:Frames",
        "gamma": "vesalius.transforms.acquisition:Gamma",
        "grey_jitter": "vesalius.transforms.intensity:GreyJitter",
        "greyscale": "vesalius.transforms.intensity:Greyscale",
        "label_crop": "vesalius.transforms.crop:LabelCrop",
        "modality_dropout": "vesalius.transforms.intensity:ModalityDropout",
        "monai": "vesalius.transforms.adapter:Monai",
        "monai_dict": "vesalius.transforms.adapter:MonaiDict",
        "neighbours": "vesalius.transforms.normalize:Neighbours",
        "noise": "vesalius.transforms.acquisition:Noise",
        "percentiles": "vesalius.transforms.normalize:Percentiles",
        "picture_channels": "vesalius.transforms.intensity:PictureChannels",
        "quarter_turn": "vesalius.transforms.spatial:QuarterTurn",
        "random_crop": "vesalius.transforms.crop:RandomCrop",
        "random_resized_crop": "vesalius.transforms.resize:RandomResizedCrop",
        "repeat": "vesalius.transforms.normalize:Repeat",
        "resize": "vesalius.transforms.resize:Resize",
        "scale_shift": "vesalius.transforms.intensity:ScaleShift",
        "shading": "vesalius.transforms.acquisition:Shading",
        "sometimes": "vesalius.transforms.transform:Sometimes",
        "standardize": "vesalius.transforms.normalize:Standardize",
        "tempo": "vesalius.transforms.resize:Tempo",
        "torchio": "vesalius.transforms.adapter:TorchIO",
        "windows": "vesalius.transforms.normalize:Windows",
        "zscore": "vesalius.transforms.normalize:ZScore",
    },
)
"""Names of the transforms in configurations, and where they live."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its masks, changed together.

    Args:
        image: x_CJI, x_CIJK or x_CTIJK; modalities are channels.
        masks: labels or one-hot classes with the axes of the image, channel first.
        facts: facts about the case; no transform changes them.
        frames: number of the frame of a cine that a mask of one frame lies on, by its name.
    """

    image: Array
    masks: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)


class Augment(Protocol):
    """A random change of whole samples: every Transform is one.

    `draw` takes all randomness from the generator. `apply_to` returns a changed sample and leaves the arrays of the
    given one unchanged (they are read-only).
    """

    def draw(self, generator: np.random.Generator) -> Params: ...

    def apply_to(self, sample: Sample, params: Params) -> Sample: ...


class Transform(Named, ABC):
    """A change of images and masks.

    `draw` returns parameters; `apply` changes an image; `apply_mask` changes a mask the same way (by nearest neighbour;
    a transform of values leaves masks unchanged); `apply_to` changes a whole sample.
    """

    table = TRANSFORMS

    def draw(self, generator: np.random.Generator) -> Params:
        return None

    @abstractmethod
    def apply(self, x: Array, params: Params = None) -> Array: ...

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return mask

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        masks = {name: self.apply_mask(mask, params) for name, mask in sample.masks.items()}
        return replace(sample, image=self.apply(sample.image, params), masks=masks)

    def channel_count(self, given: int) -> int:
        """Return the channels of the result for an image of `given` channels."""
        return given

    @property
    def is_random(self) -> bool:
        """Whether `draw` draws anything."""
        return type(self).draw is not Transform.draw

    def digest(self) -> str:
        """Return 64 hexadecimal digits that change with the name and every value."""
        return digest_of(self)


def digest_of(config: Config) -> str:
    """Return 64 hexadecimal digits that change with every value of a configuration of transforms."""
    text = json.dumps([_REVISION, config.model_dump(mode="json")], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


read_transform = Transform.read
"""A transform from a table such as {name: flip, axes: I}."""
AnyTransform: TypeAlias = Annotated[SerializeAsAny[Transform], BeforeValidator(read_transform)]
"""A field of a configuration that holds a transform or its table."""


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if not -math.inf < ends[0] <= ends[1] < math.inf:
        raise ValueError("give the smaller value first, both finite")
    return ends


def _positive(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] <= 0:
        raise ValueError("both values are above 0")
    return ends


class Chain(Transform):
    """One transform after the other; its parameters are the tuple of theirs.

    >>> chain = Chain(transforms=[{"name": "flip", "p": 1}, {"name": "scale_shift"}])
    >>> chain.apply(np.array([[[1.0, 2.0]]]), ("I", ((2.0,), (1.0,))))
    array([[[5., 3.]]])
    """

    transforms: tuple[AnyTransform, ...] = Field(description="transforms in the order of their application")

    @property
    def is_random(self) -> bool:
        return any(transform.is_random for transform in self.transforms)

    def channel_count(self, given: int) -> int:
        for transform in self.transforms:
            given = transform.channel_count(given)
        return given

    def draw(self, generator: np.random.Generator) -> Params:
        return tuple(transform.draw(generator) for transform in self.transforms)

    def apply(self, x: Array, params: Params = None) -> Array:
        for transform, drawn in self._each(params):
            x = transform.apply(x, drawn)
        return x

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        for transform, drawn in self._each(params):
            mask = transform.apply_mask(mask, drawn)
        return mask

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        for transform, drawn in self._each(params):
            sample = transform.apply_to(sample, drawn)
        return sample

    def _each(self, params: Params) -> list[tuple[Transform, Params]]:
        given = [None] * len(self.transforms) if params is None and not self.is_random else params
        return list(zip(self.transforms, given, strict=True))


class Sometimes(Transform):
    """A transform that is applied with a probability; its parameters are None where it is not applied."""

    p: float = Field(ge=0, le=1, description="probability")
    transform: AnyTransform = Field(description="transform to apply")

    def draw(self, generator: np.random.Generator) -> Params:
        return (self.transform.draw(generator),) if generator.random() < self.p else None

    def apply(self, x: Array, params: Params = None) -> Array:
        return x if params is None else self.transform.apply(x, params[0])

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return mask if params is None else self.transform.apply_mask(mask, params[0])

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        return sample if params is None else self.transform.apply_to(sample, params[0])
