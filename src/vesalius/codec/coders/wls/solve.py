"""Weights from Gram matrices, and the error of weights. Encoder only, floats.

Loops of our own rather than a linear algebra library: such a library shares small systems among threads of its own,
which wait for each other where several chunks are fitted at a time, and its sums differ from machine to machine.

Letters: B blocks, F features, P pairs of features as in gram.py, K classes, W weights.
"""

# mypy: ignore-errors
# (Numba has rules of its own for the types of numbers.)

from __future__ import annotations

from typing import Any

import numpy as np

from vesalius.codec.coders.wls.compiled import compiled

Array = Any


@compiled
def solve(gram_P: Array, reference: int, relative: float, toward_W: Array, weights_W: Array) -> None:
    """Fill weights_W with what minimises the squared error plus a ridge: `relative` of the diagonal and a trace.

    Args:
        gram_P: sums of products of W + 1 features, float64.
        reference: the neighbour that the others are differences to.
        relative: the ridge as a part of the diagonal.
        toward_W: weights that the ridge draws to.
        weights_W: the result, weights of values.
    """
    count = weights_W.shape[0]
    features = (count + 8) & ~7
    matrix = np.zeros((count, count))
    right, start, ridge = np.empty(count), toward_W.copy(), np.empty(count)
    start[reference] = _sum(toward_W) - 1
    largest = 0.0
    for f in range(count):
        at = _row(f, features)
        matrix[f, f:] = gram_P[at + f : at + count]
        right[f] = gram_P[at + count]
        largest = max(largest, matrix[f, f])
    for f in range(count):
        for g in range(f, count):
            right[f] -= matrix[f, g] * start[g]
            if g > f:
                right[g] -= matrix[f, g] * start[f]
    for f in range(count):
        ridge[f] = relative * matrix[f, f] + 1e-6 * largest + 1e-9
        matrix[f, f] += ridge[f]
    _solve_in_place(matrix, right, ridge, weights_W)
    for f in range(count):
        weights_W[f] += start[f]
    others = _sum(weights_W) - weights_W[reference]
    weights_W[reference] += 1 - others


@compiled
def _solve_in_place(matrix: Array, right: Array, least: Array, x: Array) -> None:
    """Fill x so that matrix @ x = right, by L D L'; only the upper triangle is read.

    No pivot is taken below `least`: sums without rounding that have such a ridge have none there.
    """
    count = right.shape[0]
    for f in range(count):
        pivot = max(matrix[f, f], least[f])
        matrix[f, f] = pivot
        for g in range(f + 1, count):
            factor = matrix[f, g] / pivot
            right[g] -= factor * right[f]
            row, above = matrix[g, g:], matrix[f, g:]
            for h in range(row.shape[0]):
                row[h] -= factor * above[h]
    for f in range(count - 1, -1, -1):
        total = right[f]
        for g in range(f + 1, count):
            total -= matrix[f, g] * x[g]
        x[f] = total / matrix[f, f]


@compiled
def class_weights(
    grams_BP: Array, classes_B: Array, reference: int, relative: float, toward_W: Array, weights_KW: Array
) -> None:
    """Fill weights_KW with `solve` of the sums over the blocks of each class."""
    sums_KP = np.zeros((weights_KW.shape[0], grams_BP.shape[1]))
    for b in range(grams_BP.shape[0]):
        total, gram = sums_KP[classes_B[b]], grams_BP[b]
        for p in range(total.shape[0]):
            total[p] += gram[p]
    for k in range(weights_KW.shape[0]):
        solve(sums_KP[k], reference, relative, toward_W, weights_KW[k])


@compiled
def squared_errors(grams_BP: Array, weights_KW: Array, reference: int, errors_BK: Array) -> None:
    """errors_BK[b, k] = squared error that the weights of class k leave in block b."""
    classes, count = weights_KW.shape
    features = (count + 8) & ~7
    pairs = grams_BP.shape[1]
    factors = np.zeros(pairs * classes, np.float32)
    u = np.empty(count + 1)
    for k in range(classes):
        u[:count] = weights_KW[k]
        u[reference] = _sum(weights_KW[k]) - 1
        u[count] = -1
        for f in range(count + 1):
            at = _row(f, features)
            factors[(at + f) * classes + k] = u[f] * u[f]
            for g in range(f + 1, count + 1):
                factors[(at + g) * classes + k] = 2 * u[f] * u[g]
    for b in range(grams_BP.shape[0]):
        gram, out = grams_BP[b], errors_BK[b]
        out[:] = 0
        for p in range(0, pairs, 8):
            g0, g1, g2, g3 = gram[p], gram[p + 1], gram[p + 2], gram[p + 3]
            g4, g5, g6, g7 = gram[p + 4], gram[p + 5], gram[p + 6], gram[p + 7]
            part = factors[p * classes : (p + 8) * classes]
            for k in range(classes):
                near = (g0 * part[k] + g1 * part[classes + k]) + (
                    g2 * part[2 * classes + k] + g3 * part[3 * classes + k]
                )
                far = (g4 * part[4 * classes + k] + g5 * part[5 * classes + k]) + (
                    g6 * part[6 * classes + k] + g7 * part[7 * classes + k]
                )
                out[k] += near + far


@compiled
def _row(f: int, features: int) -> int:
    """Where feature 0 of row f would stand among the pairs."""
    first = f & ~7
    eights = first >> 3
    return eights * 8 * features - 32 * eights * (eights - 1) + (f - first) * (features - first) - first


@compiled
def _sum(values: Array) -> float:
    """From the first to the last."""
    total = 0.0
    for n in range(values.shape[0]):
        total += values[n]
    return total
