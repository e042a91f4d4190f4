"""`write_tokens`, `read_tokens`: tokens of a tokenizer as bytes, by the prior that it gives along.

Reading order: here (head, checks), token_prior (tables), token_kernels (the loops). Letters: G groups (slices), L
places, M components, R rows and C columns of places.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec import token_kernels as kernels
from vesalius.codec.coders.parts import leb128, read_leb128
from vesalius.codec.token_prior import TokenPrior
from vesalius.errors import CorruptFileError, InputError
from vesalius.memory import check_memory

__all__ = ["TokenPrior", "read_tokens", "write_tokens"]

MOST_TOKENS = 1 << 26
_CHECK_BYTES = 3
_DAMAGED = "the tokens are damaged, or the model is another one than the one they were written with"


def write_tokens(tokens_GLM: NDArray[Any], grid: tuple[int, int], quality: int, prior: TokenPrior) -> bytes:
    """Return the bytes of tokens; the same on every machine.

    Args:
        tokens_GLM: integers.
        grid: rows and columns of the places; their product is L.
        quality: the quality that they were made with.
        prior: of the tokenizer that made them.

    Raises:
        InputError: tokens that the prior cannot code, or too little memory.

    Example:
        >>> prior = TokenPrior.of({"codes": np.array([512])})
        >>> data = write_tokens(np.array([[[7], [300]]]), (1, 2), 0, prior)
        >>> len(data), read_tokens(data, (1, 2, 1), (1, 2), 0, prior).ravel().tolist()
        (7, [7, 300])
    """
    problem = _problem(tokens_GLM.shape, grid, quality, prior)
    if problem:
        raise InputError(problem)
    if tokens_GLM.dtype.kind not in "iu":
        raise InputError("tokens are not integers")
    least, most = prior.limits()
    if tokens_GLM.size and (tokens_GLM.min() < least or tokens_GLM.max() > most):
        raise InputError(f"a token lies outside {least} to {most}")
    tokens_GLM = tokens_GLM.astype(np.int32)
    used = _used(tokens_GLM)
    check_memory(_needed(used, tokens_GLM.shape, grid))
    planes_MGRC = _planes(tokens_GLM, grid, used)
    capacity = 4096 + planes_MGRC.size // 4
    rc = np.zeros(4, np.int64)
    while True:
        data = np.zeros(capacity, np.uint8)
        kernels.start(rc, data, 0)
        if planes_MGRC.size:
            prior.run(rc, data, 0, planes_MGRC, quality)
        if rc[3] == 0:
            break
        capacity *= 4
    count = kernels.finish(rc, data)
    return _check(tokens_GLM) + leb128(used) + data[:count].tobytes()


def read_tokens(
    data: bytes, shape_GLM: tuple[int, int, int], grid: tuple[int, int], quality: int, prior: TokenPrior
) -> NDArray[np.int32]:
    """Return tokens_GLM from the bytes of `write_tokens`.

    Raises:
        CorruptFileError: bytes that are damaged, or of another shape, quality or prior.
        InputError: too little memory.
    """
    problem = _problem(shape_GLM, grid, quality, prior)
    if problem:
        raise CorruptFileError(problem)
    groups, places, components = shape_GLM
    used, begin = read_leb128(data, _CHECK_BYTES)
    if used > components:
        raise CorruptFileError("tokens have more components than their shape")
    check_memory(_needed(used, shape_GLM, grid))
    coded = np.frombuffer(data, np.uint8, offset=begin).copy()  # compiled once, for arrays that may be written
    planes_MGRC = np.zeros((used, groups, *grid), np.int32)
    rc = np.zeros(4, np.int64)
    kernels.start(rc, coded, 1)
    if planes_MGRC.size:
        prior.run(rc, coded, 1, planes_MGRC, quality)
    least, most = prior.limits()
    if rc[3] or rc[2] < len(coded) or (planes_MGRC.size and (planes_MGRC.min() < least or planes_MGRC.max() > most)):
        raise CorruptFileError(_DAMAGED)
    tokens_GLM = np.zeros(shape_GLM, np.int32)
    tokens_GLM[:, :, :used] = planes_MGRC.reshape(used, groups, places).transpose(1, 2, 0)
    if data[:_CHECK_BYTES] != _check(tokens_GLM):
        raise CorruptFileError(_DAMAGED)
    return tokens_GLM


def _problem(shape: tuple[int, ...], grid: tuple[int, int], quality: int, prior: TokenPrior) -> str:
    """Return why tokens of this kind cannot be coded, or an empty text."""
    if len(shape) != 3 or min(shape) < 0 or int(np.prod(shape, dtype=object)) > MOST_TOKENS:
        return f"tokens of shape {tuple(shape)} cannot be coded"
    if min(grid) < 0 or grid[0] * grid[1] != shape[1]:
        return f"{shape[1]} places are not a grid of {grid[0]} x {grid[1]}"
    if shape[2] > prior.components:
        return f"tokens have {shape[2]} components, the tokenizer {prior.components}"
    if prior.qualities is not None and quality not in prior.qualities:
        return f"the tokenizer has no quality {quality}"
    return ""


def _needed(used: int, shape_GLM: tuple[int, ...], grid: tuple[int, int]) -> int:
    """Return the bytes of the tokens, twice, and of the padded planes of the coder."""
    padded = (shape_GLM[0] + 2) * (grid[0] + 4) * (grid[1] + 4)
    return 8 * int(np.prod(shape_GLM, dtype=object)) + padded * (used + 1 + 3 * 4 + 1)


def _used(tokens_GLM: NDArray[np.int32]) -> int:
    """Return the number of components up to the last that is not 0 everywhere."""
    return int(np.max(np.flatnonzero(tokens_GLM.any(axis=(0, 1))), initial=-1)) + 1


def _planes(tokens_GLM: NDArray[np.int32], grid: tuple[int, int], used: int) -> NDArray[np.int32]:
    groups = len(tokens_GLM)
    return np.ascontiguousarray(tokens_GLM[:, :, :used].transpose(2, 0, 1)).reshape(used, groups, *grid)


def _check(tokens_GLM: NDArray[np.int32]) -> bytes:
    """Return the low bytes of the CRC-32 of the tokens."""
    return (zlib.crc32(tokens_GLM.astype("<i4").tobytes()) & 0xFFFFFF).to_bytes(_CHECK_BYTES, "little")
