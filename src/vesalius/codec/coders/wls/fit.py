"""Predictors for a chunk: weighted least squares for classes of blocks. Encoder only, floats allowed.

Letters: N pictures, J rows, I columns, Y X padded rows and columns, B blocks, F features, P pairs of
features (an upper triangle, row by row), K classes, W weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.wls import frozen
from vesalius.codec.coders.wls.gram import absolute_errors, grams
from vesalius.codec.coders.wls.model import LEVELS, Model, block_shape, taps_of

Floats = NDArray[np.floating[Any]]
_ROUNDS = 8
_RIDGE = 1e-4
_FIRST_SAMPLES, _SAMPLES, _START_SAMPLES = 10_000, 400_000, 20_000
_BLOCKS = 1024
"""About as many blocks at most: larger pictures have larger blocks."""


@dataclass(frozen=True)
class Choice:
    """How rich the predictors are.

    Args:
        neighbours: see Model.
        classes: most classes.
    """

    neighbours: tuple[int, int, int]
    classes: int


def fit(x_NJI: NDArray[np.uint16], choice: Choice) -> Model:
    """A model for these pictures; any model codes them exactly, a good one in few bytes."""
    return _Fit(x_NJI, choice).model()


class _Fit:
    def __init__(self, x_NJI: NDArray[np.uint16], choice: Choice) -> None:
        self.x_NJI, self.choice = x_NJI, choice
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
        whole_P, _ = self._grams(main, self._frames(self.main, _FIRST_SAMPLES), _FIRST_SAMPLES, whole=True)
        plain_W = _solve(whole_P, main.reference, None)
        self.errors_NJI = np.empty(self.x_NJI.shape, np.uint16)
        lags, places = np.array([tap[0] for tap in main.taps]), np.array([tap[1:] for tap in main.taps])
        absolute_errors(self.x_NYX, lags, places, plain_W.astype(np.float32), self.errors_NJI)
        classes_B, main_KW = self._classes(main)
        levels = []
        for level in range(self.main):
            facts = self._level(level)
            gram_P, _ = self._grams(facts, np.array([level]), _START_SAMPLES, whole=True)
            levels.append(_solve(gram_P, facts.reference, None)[None])
        levels.append(main_KW)
        shift, weights = _rounded(levels, self.top)
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
        """Pictures of a level, spread evenly, about as many as are needed."""
        first, count = level, len(self.x_NJI)
        wanted = min(count - first, max(4, -(-samples // max(1, self.live))))
        return np.unique(np.linspace(first, count - 1, wanted).astype(np.int64))

    def _grams(self, facts: _Level, frames: NDArray[np.int64], samples: int, *, whole: bool) -> tuple[Floats, Floats]:
        """Upper triangles of Gram matrices (B, P), or the one (P) of all blocks, and the sums of weights."""
        blocks = block_shape(self.x_NJI.shape[1:], self.block_log2)
        count = 1 if whole else blocks[0] * blocks[1]
        used = len(facts.taps) + 1
        features = -(-used // 8) * 8
        grams_BFF = np.zeros((count, features, features), np.float32)
        energy_B = np.zeros(count, np.float32)
        stride = max(1, len(frames) * self.live // samples)
        block = max(self.skip_JI.shape) if whole else 1 << self.block_log2
        weighted = self.errors_NJI.shape == self.x_NJI.shape
        grams(
            self.x_NYX, self.errors_NJI, self.skip_JI, frames, stride, facts.offsets, facts.reference, block, weighted,
            grams_BFF, energy_B,
        )  # fmt: skip
        made_BP = np.concatenate([grams_BFF[:, f, f:used] for f in range(used)], axis=1)
        return (made_BP[0] if whole else made_BP), energy_B

    def _classes(self, main: _Level) -> tuple[NDArray[np.int64], Floats]:
        """The class of each block and the weights of each class: k-means on the squared error."""
        grams_BP, energy_B = self._grams(main, self._frames(self.main, _SAMPLES), _SAMPLES, whole=False)
        whole_W = _solve(grams_BP.sum(axis=0, dtype=np.float64), main.reference, None)
        busy_B = energy_B > 0
        many = min(self.choice.classes, int(busy_B.sum()) // 4)
        classes_B = np.zeros(len(grams_BP), np.int64)
        if many < 2:
            return classes_B, whole_W[None]
        flat_BP = grams_BP if busy_B.all() else grams_BP[busy_B]
        busy_classes = _first_classes(flat_BP, whole_W, main, many)
        weights_KW = _class_weights(flat_BP, busy_classes, main, whole_W)
        for _ in range(_ROUNDS):
            scores_KW = np.stack([_score(weights_W, main.reference) for weights_W in weights_KW])
            busy_classes = np.unique((flat_BP @ scores_KW.T).argmin(axis=1), return_inverse=True)[1]
            weights_KW = _class_weights(flat_BP, busy_classes, main, whole_W)
        classes_B[busy_B] = busy_classes
        return classes_B, weights_KW


@dataclass(frozen=True)
class _Level:
    taps: list[tuple[int, int, int]]
    offsets: NDArray[np.int64]
    reference: int


def _first_classes(flat_BP: Floats, whole_W: Floats, main: _Level, many: int) -> NDArray[np.int64]:
    """Blocks in equal groups by how much better the whole's weights do than the reference neighbour alone."""
    plain_B = flat_BP[:, -1]
    fitted_B = flat_BP @ _score(whole_W, main.reference)
    ratio_B = (fitted_B + 1e-3) / (plain_B + 1e-3)
    order = np.argsort(np.argsort(ratio_B, kind="stable"), kind="stable")
    classes: NDArray[np.int64] = order * many // len(order)
    return classes


def _class_weights(flat_BP: Floats, classes_B: NDArray[np.int64], main: _Level, whole_W: Floats) -> Floats:
    """The weights of each class (K, W)."""
    sums = [flat_BP[classes_B == k].sum(axis=0, dtype=np.float64) for k in range(int(classes_B.max()) + 1)]
    return np.stack([_solve(sum_P, main.reference, whole_W) for sum_P in sums])


def _solve(gram_P: Floats, reference: int, toward_W: Floats | None) -> Floats:
    """Weights that minimise the squared error, drawn a little toward others (or toward the reference neighbour)."""
    used = math.isqrt(2 * len(gram_P))
    full = np.zeros((used, used))
    full[np.triu_indices(used)] = gram_P
    full += np.triu(full, 1).T
    matrix, right = full[:-1, :-1], full[:-1, -1]
    start = np.zeros(len(right)) if toward_W is None else _centred(toward_W, reference)
    diagonal = np.diag(matrix)
    ridge = _RIDGE * diagonal + 1e-6 * diagonal.max() + 1e-9
    step = np.linalg.solve(matrix + np.diag(ridge), right - matrix @ start)
    weights = start + step
    weights[reference] += 1 - (weights.sum() - weights[reference])
    return weights


def _centred(weights_W: Floats, reference: int) -> Floats:
    """Weights of differences to the reference neighbour from weights of values."""
    centred = weights_W.copy()
    centred[reference] = weights_W.sum() - 1
    return centred


def _score(weights_W: Floats, reference: int) -> Floats:
    """What a flat upper triangle is multiplied with to give the squared error of these weights."""
    u = np.append(_centred(weights_W, reference), -1.0)
    product = np.outer(u, u)
    return (2 * product - np.diag(np.diag(product)))[np.triu_indices(len(u))].astype(np.float32)


def _rounded(levels: list[Floats], top: int) -> tuple[int, tuple[NDArray[np.int16], ...]]:
    """The fraction bits, and the weights as integers whose sum is rounded too."""
    shift = min(12, max(9, top.bit_length() + 1))
    largest = max(float(np.abs(weights).max()) for weights in levels)
    while shift > 7 and largest * (1 << shift) > 32000:
        shift -= 1
    made = []
    for weights_KW in levels:
        scaled = weights_KW * (1 << shift)
        whole = np.rint(scaled)
        most = np.abs(scaled).argmax(axis=1)
        rows = np.arange(len(whole))
        whole[rows, most] += np.rint(scaled.sum(axis=1)) - whole.sum(axis=1)
        made.append(np.clip(whole, -32767, 32767).astype(np.int16))
    return shift, tuple(made)
