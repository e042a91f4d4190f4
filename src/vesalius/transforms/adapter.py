"""Transforms of MONAI and TorchIO in the draw / apply form: `draw` draws the seed that they get.

The libraries are imported when a transform is first used. In a configuration a transform is named by its class and
settings; `of` wraps an existing object, with a name that stands for its settings in cache keys. Only one of them runs
at a time, because they keep their randomness in global state.

Letters: C channel, T time, I J K voxel axes. The frames of a cine x_CTIJK are passed as channels.
"""

from __future__ import annotations

import importlib
import inspect
import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, PrivateAttr

from vesalius.errors import ConfigError, MissingExtraError, UsageError, VesaliusError
from vesalius.transforms.arrays import Array, as_numpy, letters, matched, through_numpy
from vesalius.transforms.transform import Params, Sample, Transform

_ONE_AT_A_TIME = threading.RLock()


class _Foreign(Transform):
    """A transform of another library."""

    target: str = Field(description="name of the class in the library")
    settings: dict[str, JsonValue] = Field(default_factory=dict, description="arguments of the class")
    _wrapped: Any = PrivateAttr(None)

    @classmethod
    def of(cls, transform: Any, name: str, **fields: Any) -> Self:
        """Wrap an existing transform object; give another `name` for other settings. `fields`: those of the class."""
        wrapped = cls.build(target=name, **fields)
        wrapped._wrapped = transform
        return wrapped

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the seed."""
        return int(generator.integers(1 << 31))

    @abstractmethod
    def _classes(self) -> Any:
        """Import the module that holds the classes."""

    def _transform(self) -> Any:
        if self._wrapped is None:
            target = getattr(self._classes(), self.target, None)
            if not isinstance(target, type):
                raise ConfigError("no such class in the library", where=self.target)
            try:
                self._wrapped = target(**self.settings)
            except Exception as error:
                raise ConfigError(f"cannot be made: {error}", where=self.target) from error
        return self._wrapped

    def _seeded(self, seed: int) -> Any:
        """Return the transform, seeded where it is random (MONAI)."""
        transform = self._transform()
        if hasattr(transform, "set_random_state"):
            transform.set_random_state(seed=seed)
        return transform

    def _call(self, function: Callable[[], Any]) -> Any:
        """Return the result of a call; any failure becomes one line."""
        with _ONE_AT_A_TIME:
            try:
                return function()
            except VesaliusError:
                raise
            except Exception as error:
                raise UsageError(f"failed: {type(error).__name__}: {error}", where=self.target) from error


class Monai(_Foreign):
    """An array transform of MONAI, random or not (RandAffine, RandGaussianNoise, ...)."""

    mask: Literal["follows", "unchanged"] = Field(description="what happens to masks: follows where voxels move")

    def apply(self, x: Array, params: Params = None) -> Array:
        return _with_frames_as_channels(x, lambda array: self._run(array, params, {}))

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        """Change a mask, by nearest neighbour where the transform interpolates."""
        if self.mask == "unchanged":
            return mask
        known = inspect.signature(type(self._transform()).__call__).parameters
        mode = {"mode": "nearest"} if "mode" in known else {}
        return _with_frames_as_channels(mask, lambda array: self._run(array, params, mode))

    def _classes(self) -> Any:
        return _monai()

    def _run(self, array: NDArray[Any], seed: int, mode: dict[str, str]) -> NDArray[Any]:
        return _plain(self._call(lambda: self._seeded(seed)(array.copy(), **mode)))


class MonaiDict(_Foreign):
    """A dictionary transform of MONAI (RandAffined, RandCropByPosNegLabeld with one sample, ...).

    The image has the key "image", each mask its own name. Takes pictures and volumes, whole samples only.
    """

    def apply(self, x: Array, params: Params = None) -> Array:
        return self.apply_to(Sample(x), params).image

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        raise UsageError("a dictionary transform takes whole samples", where=self.target, fix="use apply_to")

    def apply_to(self, sample: Sample, params: Params = None) -> Sample:
        if "T" in letters(sample.image):
            raise UsageError("a dictionary transform of MONAI does not take a cine", where=self.target)
        given = {"image": sample.image, **sample.masks}
        numbers = {key: as_numpy(x).copy() for key, x in given.items()}

        def run() -> dict[str, NDArray[Any]]:
            result = self._seeded(params)(numbers)
            if isinstance(result, list) and len(result) == 1:
                result = result[0]
            if not isinstance(result, dict):
                raise UsageError("gave several samples, one is expected", where=self.target, fix="set num_samples to 1")
            return {key: _plain(result[key]) for key in given}

        changed = {key: matched(array, given[key]) for key, array in self._call(run).items()}
        return replace(sample, image=changed.pop("image"), masks=changed)

    def _classes(self) -> Any:
        return _monai()


class TorchIO(_Foreign):
    """A transform of TorchIO. Images are a ScalarImage, masks a LabelMap; a picture x_CJI is a volume of one slice."""

    def apply(self, x: Array, params: Params = None) -> Array:
        return self._each(x, "ScalarImage", params)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self._each(mask, "LabelMap", params)

    def _classes(self) -> Any:
        try:
            return importlib.import_module("torchio")
        except ImportError as error:
            raise UsageError("torchio is not installed", fix="install it with: pip install torchio") from error

    def _each(self, x: Array, kind: str, seed: int) -> Array:
        picture = letters(x) == "CJI"

        def run(array: NDArray[Any]) -> NDArray[Any]:
            torchio, torch = self._classes(), importlib.import_module("torch")
            transform = self._transform()
            volume = torch.from_numpy((array[..., None] if picture else array).copy())
            subject = torchio.Subject(one=getattr(torchio, kind)(tensor=volume))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                result = _plain(transform(subject)["one"].data)
            return result[..., 0] if picture else result

        return _with_frames_as_channels(x, lambda array: self._call(lambda: run(array)))


def _monai() -> Any:
    try:
        return importlib.import_module("monai.transforms")
    except ImportError as error:
        raise MissingExtraError("monai is not installed", extra="nets") from error


def _with_frames_as_channels(x: Array, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Array:
    """Apply `change` to channel-first pictures and volumes; dtype and library stay those of `x`."""
    cine = "T" in letters(x)

    def changed(array: NDArray[Any]) -> NDArray[Any]:
        result = change(array.reshape(-1, *array.shape[2:]) if cine else array)
        result = result.reshape(array.shape[0], -1, *result.shape[1:]) if cine else result
        return result.astype(array.dtype, copy=False)

    return through_numpy(x, changed)


def _plain(result: Any) -> NDArray[Any]:
    """Convert a result to a plain array: MONAI and TorchIO return arrays, tensors or tensors with metadata."""
    return np.asarray(result.detach().cpu().numpy() if hasattr(result, "detach") else result)
