"""Transforms of MONAI and TorchIO in the draw / apply form: what is drawn is the seed that they get.

The libraries are imported when a transform is first used. In a configuration a transform is named by its class and
settings; an object that exists already is wrapped by `of`, with a name that stands for its settings in cache keys. One
of them runs at a time, since they keep their randomness in shared places.

Letters: C channel, T time, I J K voxel axes. The frames of a cine x_CTIJK are given to them as channels.
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
    settings: dict[str, JsonValue] = Field(default_factory=dict, description="what the class is made with")
    _made: Any = PrivateAttr(None)

    @classmethod
    def of(cls, made: Any, name: str, **fields: Any) -> Self:
        """An existing transform object; `name` changes whenever its settings do. `fields`: those of the class."""
        wrapped = cls.build(target=name, **fields)
        wrapped._made = made
        return wrapped

    def draw(self, generator: np.random.Generator) -> Params:
        """The seed."""
        return int(generator.integers(1 << 31))

    @abstractmethod
    def _classes(self) -> Any:
        """The module that holds the classes."""

    def _transform(self) -> Any:
        if self._made is None:
            found = getattr(self._classes(), self.target, None)
            if not isinstance(found, type):
                raise ConfigError("no such class in the library", where=self.target)
            try:
                self._made = found(**self.settings)
            except Exception as error:
                raise ConfigError(f"cannot be made: {error}", where=self.target) from error
        return self._made

    def _called(self, what: Callable[[], Any]) -> Any:
        """The outcome of a call, any failure in one line."""
        with _ONE_AT_A_TIME:
            try:
                return what()
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
        """By nearest neighbour where the transform interpolates."""
        if self.mask == "unchanged":
            return mask
        known = inspect.signature(type(self._transform()).__call__).parameters
        mode = {"mode": "nearest"} if "mode" in known else {}
        return _with_frames_as_channels(mask, lambda array: self._run(array, params, mode))

    def _classes(self) -> Any:
        return _monai()

    def _run(self, array: NDArray[Any], seed: int, mode: dict[str, str]) -> NDArray[Any]:
        def run() -> NDArray[Any]:
            made = self._transform()
            if hasattr(made, "set_random_state"):
                made.set_random_state(seed=seed)
            return _plain(made(array.copy(), **mode))

        return self._called(run)


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
            made = self._transform()
            if hasattr(made, "set_random_state"):
                made.set_random_state(seed=params)
            done = made(numbers)
            if isinstance(done, list) and len(done) == 1:
                done = done[0]
            if not isinstance(done, dict):
                raise UsageError("gave several samples, one is expected", where=self.target, fix="set num_samples to 1")
            return {key: _plain(done[key]) for key in given}

        done = {key: matched(array, given[key]) for key, array in self._called(run).items()}
        return replace(sample, image=done.pop("image"), masks=done)

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
            made = self._transform()
            volume = torch.from_numpy((array[..., None] if picture else array).copy())
            subject = torchio.Subject(one=getattr(torchio, kind)(tensor=volume))
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                done = _plain(made(subject)["one"].data)
            return done[..., 0] if picture else done

        return _with_frames_as_channels(x, lambda array: self._called(lambda: run(array)))


def _monai() -> Any:
    try:
        return importlib.import_module("monai.transforms")
    except ImportError as error:
        raise MissingExtraError("monai is not installed", extra="nets") from error


def _with_frames_as_channels(x: Array, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Array:
    """What `change` makes of channel-first pictures and volumes; dtype and library stay those of `x`."""
    cine = "T" in letters(x)

    def changed(array: NDArray[Any]) -> NDArray[Any]:
        done = change(array.reshape(-1, *array.shape[2:]) if cine else array)
        done = done.reshape(array.shape[0], -1, *done.shape[1:]) if cine else done
        return done.astype(array.dtype, copy=False)

    return through_numpy(x, changed)


def _plain(result: Any) -> NDArray[Any]:
    """A result as a plain array: MONAI and TorchIO give arrays, tensors or tensors with facts."""
    return np.asarray(result.detach().cpu().numpy() if hasattr(result, "detach") else result)
