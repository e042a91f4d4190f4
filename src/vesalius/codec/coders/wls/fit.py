"""Predictors for a chunk: weighted least squares for classes of blocks. Encoder only, floats allowed.

Letters: N pictures, J rows, I columns, Y X padded rows and columns, B blocks, P pairs of features
as in gram.py, K classes, W weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.pictures import in_threads
from vesalius.codec.coders.wls import frozen
from vesalius.codec.coders.wls.gram import absolute_errors, grams
from vesalius.codec.coders.wls.model import LEVELS, Model, block_shape, taps_of
from vesalius.codec.coders.wls.solve import class_weights, squared_errors

Floats = NDArray[np.floating[Any]]
_ROUNDS = 8
_RIDGE = 1e-4
_FIRST_SAMPLES, _SAMPLES, _START_SAMPLES = 10_000, 400_000, 20_000
_BLOCKS = 1024
"""Most blocks, roughly: larger pictures have larger blocks."""


@dataclass(frozen=True)
class Choice:
    """Richness of the predictors: `neighbours` as in Model, and most classes."""

    neighbours: tuple[int, int, int]
    classes: int


def fit(x_NJI: NDArray[np.uint16], choice: Choice, threads: int = 1) -> Model:
    """Fit a model to pictures; any model codes them exactly, a good one in few bytes.

    It is the same on every machine and for any number of threads.
    """
    return _Fit(x_NJI, choice, threads).model()


class _Fit:
    def __init__(self, x_NJI: NDArray[np.uint16], choice: Choice, threads: int) -> None:
        self.x_NJI, self.choice, self.threads = x_NJI, choice, threads
        count, rows, columns = x_NJI.shape
        self.top = int(x_NJI.max())
        self.skip_JI = np.asarray(~x_NJI.any(axis=0))
        pad = frozen.PAD
        self.x_NYX = np.pad(x_NJI, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
        self.block_log2 = 3
        while np.prod(block_shape((rows, columns), self.block_log2)) > _BLOCKS:
            self.block_log2 += 1
        self.live = int((~self.skip_JI).sum())
        self.main = min(count, LEVELS) - 1
        self.errors_NJI = np.zeros((1, 1, 1), np.uint16)

    def model(self) -> Model:
        main = self._level(self.main)
        plain_W = self._whole(main, self._frames(self.main, _FIRST_SAMPLES), _FIRST_SAMPLES)[0]
        self.errors_NJI = np.empty(self.x_NJI.shape, np.uint16)
        lags, places = np.array([tap[0] for tap in main.taps]), np.array([tap[1:] for tap in main.taps])

        def part(first: int, last: int) -> None:
            absolute_errors(self.x_NYX, lags, places, plain_W.astype(np.float32), first, last, self.errors_NJI)

        _in_parts(part, len(self.x_NJI), self.threads)
        classes_B, main_KW = self._classes(main)
        first = [self._whole(self._level(level), np.array([level]), _START_SAMPLES) for level in range(self.main)]
        shift, weights = _rounded([*first, main_KW], self.top)
        blocks = block_shape(self.x_NJI.shape[1:], self.block_log2)
        mask = self.skip_JI if self.skip_JI.any() else None
        classes_JI = classes_B.astype(np.uint8).reshape(blocks)
        return Model(self.choice.neighbours, shift, self.block_log2, self.top, classes_JI, weights, mask)

    def _level(self, level: int) -> _Level:
        taps = taps_of(self.choice.neighbours, level)
        _, height, width = self.x_NYX.shape
        offsets = np.array([-lag * height * width + dy * width + dx for lag, dy, dx in taps], np.int64)
        return _Level(taps, offsets, 0 if level == 0 else self.choice.neighbours[0])

    def _frames(self, level: int, samples: int) -> NDArray[np.int64]:
        """Return pictures of a level, spread evenly, about as many as the samples need."""
        first, count = level, len(self.x_NJI)
        wanted = min(count - first, max(4, -(-samples // max(1, self.live))))
        return np.unique(np.linspace(first, count - 1, wanted).astype(np.int64))

    def _whole(self, facts: _Level, frames: NDArray[np.int64], samples: int) -> Floats:
        """Return one set of weights (1, W) for all blocks."""
        gram_BP, _ = self._grams(facts, frames, samples, whole=True)
        return facts.weights(gram_BP, np.zeros(1, np.int64), None)

    def _grams(self, facts: _Level, frames: NDArray[np.int64], samples: int, *, whole: bool) -> tuple[Floats, Floats]:
        """Gram matrices (B, P), of one block only where `whole`, and the sums of weights (B)."""
        blocks = block_shape(self.x_NJI.shape[1:], self.block_log2)
        count = 1 if whole else blocks[0] * blocks[1]
        eights = len(facts.taps) // 8 + 1
        grams_BP = np.zeros((count, 32 * eights * (eights + 1)), np.float32)
        energy_B = np.zeros(count, np.float32)
        stride = max(1, len(frames) * self.live // samples)
        block = max(self.skip_JI.shape) if whole else 1 << self.block_log2
        weighted = self.errors_NJI.shape == self.x_NJI.shape

        def part(first: int, last: int) -> None:
            grams(
                self.x_NYX, self.errors_NJI, self.skip_JI, frames, stride, facts.offsets, facts.reference, block,
                weighted, first, last, grams_BP, energy_B,
            )  # fmt: skip

        _in_parts(part, count, self.threads)
        return grams_BP, energy_B

    def _classes(self, main: _Level) -> tuple[NDArray[np.int64], Floats]:
        """Return the class of each block and the weights of each class, by k-means on the squared error."""
        grams_BP, energy_B = self._grams(main, self._frames(self.main, _SAMPLES), _SAMPLES, whole=False)
        whole_KW = main.weights(grams_BP, np.zeros(len(grams_BP), np.int64), None)
        busy_B = energy_B > 0
        many = min(self.choice.classes, int(busy_B.sum()) // 4)
        classes_B = np.zeros(len(grams_BP), np.int64)
        if many < 2:
            return classes_B, whole_KW
        busy_BP = grams_BP if busy_B.all() else grams_BP[busy_B]
        classes = _first_classes(busy_BP, main, whole_KW, many)
        weights_KW = main.weights(busy_BP, classes, whole_KW[0])
        for _ in range(_ROUNDS):
            nearest = main.errors(busy_BP, weights_KW).argmin(axis=1)
            classes = np.unique(nearest, return_inverse=True)[1].astype(np.int64)
            weights_KW = main.weights(busy_BP, classes, whole_KW[0])
        classes_B[busy_B] = classes
        return classes_B, weights_KW


@dataclass(frozen=True)
class _Level:
    taps: list[tuple[int, int, int]]
    offsets: NDArray[np.int64]
    reference: int

    def weights(self, grams_BP: Floats, classes_B: NDArray[np.int64], toward_W: Floats | None) -> Floats:
        """Return the weights of each class (K, W), drawn a little toward others (or the reference neighbour)."""
        if toward_W is None:
            toward_W = np.zeros(len(self.taps))
            toward_W[self.reference] = 1
        weights_KW = np.empty((int(classes_B.max()) + 1, len(self.taps)))
        class_weights(grams_BP, classes_B, self.reference, _RIDGE, toward_W, weights_KW)
        return weights_KW

    def errors(self, grams_BP: Floats, weights_KW: Floats) -> Floats:
        """Return the squared error (B, K) of each block under each class."""
        errors_BK = np.empty((len(grams_BP), len(weights_KW)), np.float32)
        squared_errors(grams_BP, weights_KW, self.reference, errors_BK)
        return errors_BK


def _in_parts(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call work(first, last) for parts that together are 0 to count."""
    parts = min(count, 4 * threads) if threads > 1 else 1
    bounds = [count * n // parts for n in range(parts + 1)]
    in_threads(lambda span: work(*span), list(pairwise(bounds)), threads)


def _first_classes(grams_BP: Floats, main: _Level, whole_KW: Floats, many: int) -> NDArray[np.int64]:
    """Group blocks by how much better the weights of the whole predict than the reference neighbour alone."""
    plain_KW = np.zeros_like(whole_KW)
    plain_KW[0, main.reference] = 1
    plain_B, fitted_B = main.errors(grams_BP, np.concatenate([plain_KW, whole_KW])).T
    ratio_B = (fitted_B + np.float32(1e-3)) / (plain_B + np.float32(1e-3))
    order = np.argsort(np.argsort(ratio_B, kind="stable"), kind="stable")
    classes: NDArray[np.int64] = order * many // len(order)
    return classes


def _rounded(levels: list[Floats], top: int) -> tuple[int, tuple[NDArray[np.int16], ...]]:
    """Return the fraction bits, and the weights as integers whose sum is rounded too."""
    shift = min(12, max(9, top.bit_length() + 1))
    largest = max(float(np.abs(weights).max()) for weights in levels)
    while shift > 7 and largest * (1 << shift) > 32000:
        shift -= 1
    integers = []
    for weights_KW in levels:
        scaled = weights_KW * (1 << shift)
        whole = np.rint(scaled)
        most = np.abs(scaled).argmax(axis=1)
        rows = np.arange(len(whole))
        whole[rows, most] += np.rint(scaled.sum(axis=1)) - whole.sum(axis=1)
        integers.append(np.clip(whole, -32767, 32767).astype(np.int16))
    return shift, tuple(integers)
