"""`TokenPrior`: what is likely among tokens, from the integers that a tokenizer gives along.

Letters: M components, Q qualities, F numbers known around a token, H hidden numbers, O answers, N neighbours,
R related components, K steps of the tail.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec import token_kernels as kernels
from vesalius.errors import InputError

FEATURES, OUTPUTS, TAIL, NEIGHBOURS, RELATED = 32, 3, 14, 5, 3
MOST_HIDDEN, MOST_COMPONENTS, MOST_CODES = 128, 4096, 1 << 20
FAR = 2815
"""Largest log odds in 1/256; beyond them a chance is that of these."""
_LIMITS = {
    "qualities": (0, 1 << 30),
    "weights": (-(1 << 15), (1 << 15) - 1),
    "bias": (-(1 << 26), 1 << 26),
    "quality_bias": (-(1 << 26), 1 << 26),
    "out": (-(1 << 15), (1 << 15) - 1),
    "level": (-(1 << 13), 1 << 13),
    "tail": (-(1 << 13), 1 << 13),
    "signs": (-(1 << 12), 1 << 12),
    "related": (-1, MOST_COMPONENTS - 1),
    "rates": (0, 1 << 14),
}


class TokenPrior(ABC):
    """Codes the tokens of one tokenizer; see `of` for the tables."""

    components: int
    """The most components that tokens may have."""
    qualities: tuple[int, ...] | None
    """The qualities that it knows; None where any will do."""

    @staticmethod
    def of(tables: Mapping[str, NDArray[Any]]) -> TokenPrior:
        """Return the prior of the tables of a tokenizer (`Tokenizer.tables`).

        Either "codes" alone, one number: tokens are indices below it, in one component. Or, for signed tokens of cells:
        "qualities" (Q), "weights" (F, H), "bias" (M, H), "quality_bias" (Q, H), "out" (O, H), "level" (M, O),
        "tail" (K), "signs" (M, N), "related" (M, R) and "rates" (3), all integers (docs/vsl-format.md).

        Raises:
            InputError: tables that are missing, unknown, of another shape, or out of range.
        """
        if set(tables) == {"codes"}:
            return _CodePrior(tables)
        return _CellPrior(tables)

    @abstractmethod
    def run(
        self, rc: NDArray[np.int64], data: NDArray[np.uint8], reading: int, tokens_MGRC: NDArray[np.int32], quality: int
    ) -> None:
        """Code the tokens, or read them into `tokens_MGRC`."""

    @abstractmethod
    def limits(self) -> tuple[int, int]:
        """Return the least and the largest token."""


class _CodePrior(TokenPrior):
    """Indices of a codebook."""

    components = 1
    qualities = None

    def __init__(self, tables: Mapping[str, NDArray[Any]]) -> None:
        self.codes = int(_integers("codes", tables["codes"], (1,), (1, MOST_CODES))[0])

    def run(
        self, rc: NDArray[np.int64], data: NDArray[np.uint8], reading: int, tokens_MGRC: NDArray[np.int32], quality: int
    ) -> None:
        _, groups, rows, columns = tokens_MGRC.shape
        kernels.code_codes(rc, data, reading, tokens_MGRC.reshape(groups, rows * columns), self.codes)

    def limits(self) -> tuple[int, int]:
        return 0, self.codes - 1


class _CellPrior(TokenPrior):
    """Signed tokens of cells."""

    def __init__(self, tables: Mapping[str, NDArray[Any]]) -> None:
        if set(tables) != set(_LIMITS):
            raise InputError(
                f"the tables of a tokenizer are {', '.join(sorted(map(str, tables)))[:150]}", fix="retrain or update it"
            )
        hidden, components = (*np.shape(tables["bias"]), 0, 0)[1::-1]
        known = np.size(tables["qualities"])
        if not (1 <= hidden <= MOST_HIDDEN and 1 <= components <= MOST_COMPONENTS and 1 <= known <= 1024):
            raise InputError("the tables of a tokenizer have an impossible size")
        shapes = {
            "qualities": (known,),
            "weights": (FEATURES, hidden),
            "bias": (components, hidden),
            "quality_bias": (known, hidden),
            "out": (OUTPUTS, hidden),
            "level": (components, OUTPUTS),
            "tail": (TAIL,),
            "signs": (components, NEIGHBOURS),
            "related": (components, RELATED),
            "rates": (3,),
        }
        checked = {name: _integers(name, tables[name], shapes[name], _LIMITS[name]) for name in _LIMITS}
        if (checked["related"] >= np.arange(components)[:, None]).any():
            raise InputError("a table of a tokenizer relates a component to a later one")
        self.components = components
        self.qualities = tuple(int(quality) for quality in checked["qualities"])
        self._tables = checked

    def run(
        self, rc: NDArray[np.int64], data: NDArray[np.uint8], reading: int, tokens_MGRC: NDArray[np.int32], quality: int
    ) -> None:
        count = len(tokens_MGRC)
        table = self._tables
        bias_MH = table["bias"][:count] + table["quality_bias"][table["qualities"].tolist().index(quality)]
        related_MR = np.where(table["related"] < 0, count, table["related"])[:count]
        kernels.code_cells(
            rc, data, reading, tokens_MGRC, table["weights"], bias_MH, table["out"], table["level"], table["tail"],
            table["signs"], related_MR, log_table(), chance_table(), table["rates"],
        )  # fmt: skip

    def limits(self) -> tuple[int, int]:
        return -(1 << 30), 1 << 30


@cache
def log_table() -> NDArray[np.int32]:
    """Return about 16 log2(1 + n) of 0 to 65535: with n + 1 = 2^e + r, 16 e + floor(16 r / 2^e).

    Example:
        >>> log_table()[[0, 1, 2, 3, 65535]].tolist()
        [0, 16, 24, 32, 256]
    """
    n = np.arange(1, 65537, dtype=np.int64)
    e = np.searchsorted(1 << np.arange(18), n, side="right") - 1
    return (16 * e + ((n << 4 >> e) & 15)).astype(np.int32)


@cache
def chance_table() -> NDArray[np.int32]:
    """Return the chance (1/65536) of each of the log odds -FAR .. FAR (1/256), by whole numbers alone.

    Example:
        >>> chance_table()[[0, FAR - 256, FAR, FAR + 256, 2 * FAR]].tolist()
        [1, 17625, 32768, 47911, 65535]
    """
    one = 1 << 62
    decay = 4593706758521714574  # 2^62 exp(-1/256)
    power, high = one, []
    for _ in range(FAR + 1):
        high.append(min((one * 65536 + (one + power) // 2) // (one + power), 65535))
        power = power * decay >> 62
    return np.array([65536 - chance for chance in high[:0:-1]] + high, np.int32)


def _integers(name: str, table: Any, shape: tuple[int, ...], limits: tuple[int, int]) -> NDArray[np.int32]:
    """Return a table as int32; raises InputError where its shape, type or values are impossible."""
    table = np.asarray(table)
    if table.shape != shape or table.dtype.kind not in "iu":
        raise InputError(f"the table {name!r} of a tokenizer is not {shape} integers")
    if table.size and (table.min() < limits[0] or table.max() > limits[1]):
        raise InputError(f"the table {name!r} of a tokenizer has a value outside {limits[0]} to {limits[1]}")
    return np.ascontiguousarray(table, np.int32)
