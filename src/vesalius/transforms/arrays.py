"""NumPy arrays and torch tensors in the same code: which library, which letters, and back.

torch is never imported here: a tensor brings it along. Code that only indexes, adds and multiplies runs on either, on
any device; code that needs NumPy itself goes through `through_numpy`, which takes tensors in main memory.

Letters: C channel, T time, I J K voxel axes, J rows and I columns of a picture. A picture is x_CJI, a volume x_CIJK, a
cine x_CTIJK (of one slice: K is 1).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError

Array: TypeAlias = Any
"""A numpy.ndarray or a torch.Tensor."""
_LETTERS = {3: "CJI", 4: "CIJK", 5: "CTIJK"}


def letters(x: Array) -> str:
    """Return the letters of the axes of `x`: "CJI", "CIJK" or "CTIJK".

    >>> letters(np.zeros((1, 8, 8, 4)))
    'CIJK'

    Raises:
        UsageError: an array of another number of axes.
    """
    if x.ndim not in _LETTERS:
        raise UsageError(f"an array of shape {tuple(x.shape)} is not a picture CJI, a volume CIJK or a cine CTIJK")
    return _LETTERS[x.ndim]


def positions(x: Array, wanted: Iterable[str]) -> tuple[int, ...]:
    """Return the positions of the axes `wanted`, in their order.

    Raises:
        UsageError: `x` has no such axis.
    """
    present = letters(x)
    for letter in wanted:
        if letter not in present:
            raise UsageError(f"an array {present} has no axis {letter}")
    return tuple(present.index(letter) for letter in wanted)


def library(x: Array) -> Any:
    """Return the module numpy or torch, whichever `x` belongs to.

    Raises:
        UsageError: `x` is neither.
    """
    if isinstance(x, np.ndarray):
        return np
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    raise UsageError(f"{type(x).__name__} is neither a NumPy array nor a torch tensor")


def check_floating(x: Array) -> None:
    """Raise UsageError for whole numbers or bits, which cannot be interpolated."""
    floating = x.dtype.kind == "f" if library(x) is np else x.dtype.is_floating_point
    if not floating:
        raise UsageError(f"images of {x.dtype} cannot be interpolated or scaled", fix="prepare them as float32")


def matched(array: NDArray[Any], x: Array) -> Array:
    """Convert `array` to the library, dtype and device of `x`."""
    if library(x) is np:
        return array.astype(x.dtype, copy=False)
    return library(x).from_numpy(np.ascontiguousarray(array)).to(device=x.device, dtype=x.dtype)


def as_index(index: NDArray[Any], x: Array) -> Array:
    """Convert whole numbers or bits that index `x` to its library and device."""
    return index if library(x) is np else library(x).from_numpy(np.ascontiguousarray(index)).to(x.device)


def picked(x: Array, axis: int, index: NDArray[np.intp]) -> Array:
    """Return the voxels `index` along one axis."""
    if library(x) is np:
        return np.take(x, index, axis)
    return library(x).index_select(x, axis, as_index(index, x))


def contiguous(x: Array) -> Array:
    """Return the same values, contiguous in the order of the axes."""
    return np.ascontiguousarray(x) if library(x) is np else x.contiguous()


def as_numpy(x: Array) -> NDArray[Any]:
    """Return `x` as an array that shares its memory.

    Raises:
        UsageError: a tensor that is not in main memory.
    """
    if library(x) is np:
        array: NDArray[Any] = x
        return array
    if x.device.type != "cpu":
        raise UsageError(f"a tensor on {x.device} cannot be changed here", fix="do this step on the CPU")
    return x.detach().numpy()


def through_numpy(x: Array, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Array:
    """Apply `change` to `x` as a NumPy array and return the result in the library of `x`. Raises as `as_numpy` does."""
    changed = change(as_numpy(x))
    return changed if library(x) is np else library(x).from_numpy(np.ascontiguousarray(changed))


def full(x: Array, shape: tuple[int, ...], value: float) -> Array:
    """Return an array of one value in the library, dtype and device of `x`."""
    return np.full(shape, value, x.dtype) if library(x) is np else x.new_full(shape, value)
