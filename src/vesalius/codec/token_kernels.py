"""The loops over tokens: what is known around a token, how likely its bits are, and the range coder, both ways.

Integers only. Letters: M components, G slices, R rows and C columns of cells, F numbers known around a token, H hidden
numbers, Q qualities, N tokens of a sequence.

The coder is binary: every decision is a bit and the probability (1/65536) that it is 1. `low` and `span` are the
interval of 48 bits, and a carry runs back into the bytes that are written already. `rc` holds low (or, when reading,
the offset of the bytes within the interval), span, bytes done, and what went wrong: 1 the buffer is too small, 2 the
bytes are damaged.
"""

# mypy: ignore-errors
# (Numba has rules of its own for the types of numbers.)

from __future__ import annotations

from typing import Any

import numpy as np

from vesalius.codec.coders.wls.compiled import compiled

Array = Any


@compiled
def start(rc: Array, data: Array, reading: int) -> None:
    """Set `rc` to the whole interval; when reading, take the first six bytes."""
    rc[0], rc[1], rc[2], rc[3] = 0, 281474976710656, 0, 0
    if reading:
        for n in range(6):
            rc[0] = (rc[0] << 8) | (np.int64(data[n]) if n < data.shape[0] else 0)
        rc[2] = 6


@compiled
def _bit(rc: Array, data: Array, reading: int, bit: int, one: int) -> int:
    """Code a bit that is 1 with probability one / 65536; returns it."""
    bound = (rc[1] >> 16) * one
    if reading:
        bit = 1 if rc[0] < bound else 0
        if bit:
            rc[1] = bound
        else:
            rc[0] -= bound
            rc[1] -= bound
        while rc[1] < 1099511627776:
            rc[0] = (rc[0] << 8) | (np.int64(data[rc[2]]) if rc[2] < data.shape[0] else 0)
            rc[1] <<= 8
            rc[2] += 1
        return bit
    if bit:
        rc[1] = bound
    else:
        rc[0] += bound
        rc[1] -= bound
    while rc[1] < 1099511627776:
        _byte_out(rc, data)
        rc[1] <<= 8
    return bit


@compiled
def _byte_out(rc: Array, data: Array) -> None:
    """Write the highest byte of `low`; a carry runs back."""
    if rc[0] >= 281474976710656:
        rc[0] -= 281474976710656
        place = rc[2] - 1
        while data[place] == 255:
            data[place] = 0
            place -= 1
        data[place] += 1
    if rc[2] == data.shape[0]:
        rc[3] = 1
        rc[2] = 0  # what is written from here on is thrown away
    data[rc[2]] = rc[0] >> 40
    rc[2] += 1
    rc[0] = (rc[0] & 1099511627775) << 8


@compiled
def finish(rc: Array, data: Array) -> int:
    """Write the number of the interval that ends in most zeros; returns the bytes without zeros at the end."""
    high = rc[0] + rc[1] - 1
    zeros = 48
    while zeros > 0 and ((high >> zeros) << zeros) < rc[0]:
        zeros -= 1
    rc[0] = (high >> zeros) << zeros
    for _ in range(6):
        _byte_out(rc, data)
    if rc[0] >= 281474976710656:
        _byte_out(rc, data)
    count = rc[2]
    while count > 0 and data[count - 1] == 0:
        count -= 1
    return count


@compiled
def _chance(x: int, squash: Array) -> int:
    """Probability (1/65536) of a 1 for log odds in 1/256."""
    return np.int64(squash[min(max(x, -2815), 2815) + 2815])


@compiled
def _log(x: int, logs: Array) -> int:
    """About 16 log2(1 + x)."""
    return np.int64(logs[min(x, 65535)])


@compiled
def _far(values: Array, at: int, width: int) -> int:
    """Sum over the four corners."""
    return np.int64(values[at - width - 1]) + values[at - width + 1] + values[at + width - 1] + values[at + width + 1]


@compiled
def _near(values: Array, at: int, width: int) -> int:
    """Sum over the four sides."""
    return np.int64(values[at - width]) + values[at + width] + values[at - 1] + values[at + 1]


@compiled
def _known_before(
    sums: Array, first: Array, second: Array, third: Array, at: int, width: int, plane: int, logs: Array, x_F: Array
) -> None:
    """Numbers 0 to 16: lower components here and around, in this slice and in both beside it."""
    fast, mid, slow = sums[0], sums[1], sums[2]
    x_F[0] = _log(fast[at], logs)
    x_F[1] = _log(mid[at], logs)
    x_F[2] = _log(slow[at], logs)
    x_F[3] = _log(_near(fast, at, width), logs)
    x_F[4] = _log(_near(mid, at, width), logs)
    x_F[5] = _log(_near(slow, at, width), logs)
    x_F[6] = _log(_far(mid, at, width), logs)
    x_F[7] = _log(mid[at - plane], logs)
    x_F[8] = _log(mid[at + plane], logs)
    x_F[9] = _log(_near(mid, at - plane, width) + _near(mid, at + plane, width), logs)
    x_F[10] = _log(slow[at - plane] + slow[at + plane], logs)
    x_F[11] = _log(first[at], logs)
    x_F[12] = _log(second[at], logs)
    x_F[13] = _log(third[at], logs)
    x_F[14] = _log(_near(first, at, width), logs)
    x_F[15] = _log(np.int64(first[at - plane]) + first[at + plane], logs)
    x_F[16] = _log(_near(second, at, width), logs)


@compiled
def _known_now(here: Array, at: int, width: int, plane: int, logs: Array, x_F: Array) -> None:
    """Numbers 20 to 26: the same component in cells that are coded already."""
    back = at - plane
    x_F[20] = _log(here[at - 1], logs)
    x_F[21] = _log(here[at - width], logs)
    x_F[22] = _log(np.int64(here[at - width - 1]) + here[at - width + 1], logs)
    x_F[23] = _log(np.int64(here[at - 2]) + here[at - 2 * width], logs)
    x_F[24] = _log(here[back], logs)
    x_F[25] = _log(_near(here, back, width), logs)
    x_F[26] = _log(_far(here, back, width), logs)


@compiled
def _answer(hidden_H: Array, out_H: Array) -> int:
    """Weighted sum of the hidden numbers: log odds in 1/256, of weights in 2**-26."""
    total = np.int64(0)
    for h in range(hidden_H.shape[0]):
        total += np.int64(hidden_H[h]) * out_H[h]
    return total >> 26


@compiled
def _learn(hidden_H: Array, out_H: Array, error: int, rate: int) -> None:
    """One step down the slope of the code length; `error` is bit minus chance, in 1/65536."""
    for h in range(hidden_H.shape[0]):
        out_H[h] += (error * np.int64(hidden_H[h]) * rate) >> 14


@compiled
def code_cells(  # noqa: C901 - one loop, for speed
    rc: Array,
    data: Array,
    reading: int,
    tokens_MGRC: Array,
    weights_FH: Array,
    bias_MH: Array,
    out_OH: Array,
    level_MO: Array,
    tail_K: Array,
    signs_MN: Array,
    related_MR: Array,
    logs: Array,
    squash: Array,
    rates: Array,
) -> None:
    """Code all components of all cells, component by component; `reading` fills tokens_MGRC.

    `rates` (1/65536): how fast the answers, the levels and the tail learn.
    """
    components, slices, rows, columns = tokens_MGRC.shape
    features, size = weights_FH.shape
    outputs = out_OH.shape[0]
    width, height = columns + 4, rows + 4
    plane = width * height
    total = plane * (slices + 2)
    cells = slices * rows * columns
    magnitude = np.zeros((components + 1, total), np.uint8)  # the last stays 0
    value = np.zeros(total, np.int8)
    sums = np.zeros((3, total), np.int32)
    plane_sums = np.zeros(components + 1, np.int64)
    x_F = np.zeros(features, np.int32)
    before_H, hidden_H = np.zeros(size, np.int32), np.zeros(size, np.int32)
    answers_OH = out_OH.astype(np.int64) << 16
    drift_O = np.zeros(outputs, np.int64)
    tail = tail_K.astype(np.int64) << 16
    exponents = np.full(32, 32768, np.int64)
    spans = (4, 16, 64)
    done_sums = np.zeros(3, np.int64)
    for m in range(components):
        if m > 0:
            for n in range(3):
                gone = m - 1 - spans[n]
                add, drop = magnitude[m - 1], magnitude[gone if gone >= 0 else components]
                for at in range(total):
                    sums[n, at] += np.int32(add[at]) - np.int32(drop[at])
                done_sums[n] = plane_sums[m] - plane_sums[max(0, m - spans[n])]
        here = magnitude[m]
        first, second, third = magnitude[related_MR[m, 0]], magnitude[related_MR[m, 1]], magnitude[related_MR[m, 2]]
        for at in range(total):
            value[at] = 0
        last = plane_sums[m] - plane_sums[max(0, m - 1)]
        mean = (64 * done_sums[0]) // (4 * cells)
        x_F[17] = _log((64 * last) // cells, logs)
        x_F[18] = _log(mean, logs)
        x_F[19] = _log((64 * done_sums[1]) // (16 * cells), logs)
        for o in range(outputs):
            drift_O[o] = np.int64(level_MO[m, o]) << 16
        running, done = np.int64(0), np.int64(0)
        for g in range(slices):
            x_F[30] = 64 if g == 0 else 0
            x_F[31] = 64 if g == slices - 1 else 0
            for r in range(rows):
                x_F[29] = 64 if r == 0 else 0
                for c in range(columns):
                    if rc[2] + 256 > data.shape[0] and reading == 0:
                        rc[3] = 1
                        return
                    at = (g + 1) * plane + (r + 2) * width + c + 2
                    _known_before(sums, first, second, third, at, width, plane, logs, x_F)
                    _known_now(here, at, width, plane, logs, x_F)
                    x_F[27] = _log((64 * running + 16 * mean) // (done + 16), logs)
                    x_F[28] = 64 if c == 0 else 0
                    for h in range(size):
                        before_H[h] = bias_MH[m, h]
                    for f in range(features):
                        x = x_F[f]
                        if x != 0:
                            for h in range(size):
                                before_H[h] += x * weights_FH[f, h]
                    for h in range(size):
                        hidden_H[h] = min(max(before_H[h] >> 8, 0), 16383)
                    v = np.int64(tokens_MGRC[m, g, r, c])
                    size_v = abs(v)
                    odds = _answer(hidden_H, answers_OH[0]) + (drift_O[0] >> 16)
                    chance = _chance(odds, squash)
                    zero = _bit(rc, data, reading, 1 if size_v == 0 else 0, chance)
                    error = (zero << 16) - chance
                    _learn(hidden_H, answers_OH[0], error, rates[0])
                    drift_O[0] += (error * rates[1]) >> 8
                    if zero:
                        size_v = 0
                    else:
                        odds = (
                            signs_MN[m, 0] * np.int64(value[at - 1])
                            + signs_MN[m, 1] * np.int64(value[at - width])
                            + signs_MN[m, 2] * np.int64(value[at - width - 1])
                            + signs_MN[m, 3] * np.int64(value[at - width + 1])
                            + signs_MN[m, 4] * np.int64(value[at - plane])
                        )
                        negative = 1 - _bit(rc, data, reading, 1 if v > 0 else 0, _chance(odds, squash))
                        size_v = _magnitude(
                            rc, data, reading, size_v, hidden_H, answers_OH, drift_O, tail, exponents, squash, rates
                        )
                        v = -size_v if negative else size_v
                        tokens_MGRC[m, g, r, c] = v
                        value[at] = min(max(v, -15), 15)
                        here[at] = min(size_v, 255)
                    running += min(size_v, 255)
                    done += 1
        plane_sums[m + 1] = plane_sums[m] + running


@compiled
def _magnitude(
    rc: Array,
    data: Array,
    reading: int,
    size: int,
    hidden_H: Array,
    answers_OH: Array,
    drift_O: Array,
    tail_K: Array,
    exponents: Array,
    squash: Array,
    rates: Array,
) -> int:
    """Code a magnitude from 1 on: above 1? above 2? .. above 15?, then Elias gamma; returns it."""
    odds = _answer(hidden_H, answers_OH[1]) + (drift_O[1] >> 16)
    chance = _chance(odds, squash)
    more = _bit(rc, data, reading, 1 if size > 1 else 0, chance)
    error = (more << 16) - chance
    _learn(hidden_H, answers_OH[1], error, rates[0])
    drift_O[1] += (error * rates[1]) >> 8
    if not more:
        return 1
    base = _answer(hidden_H, answers_OH[2]) + (drift_O[2] >> 16)
    reached, total = 2, np.int64(0)
    while reached < 16:
        k = reached - 2
        chance = _chance(base + (tail_K[k] >> 16), squash)
        more = _bit(rc, data, reading, 1 if size > reached else 0, chance)
        error = (more << 16) - chance
        tail_K[k] += (error * rates[2]) >> 8
        total += error
        if not more:
            break
        reached += 1
    _learn(hidden_H, answers_OH[2], total, rates[0])
    drift_O[2] += (total * rates[1]) >> 8
    if reached < 16:
        return reached
    rest, bits = size - 15, 0  # 1, 2, ..
    while bits < 30:
        more = _bit(rc, data, reading, 1 if rest >> (bits + 1) else 0, exponents[bits])
        exponents[bits] = min(max(exponents[bits] + (((more << 16) - exponents[bits]) >> 4), 64), 65472)
        if not more:
            break
        bits += 1
    number = np.int64(1)
    for n in range(bits - 1, -1, -1):
        number = (number << 1) | _bit(rc, data, reading, (rest >> n) & 1, 32768)
    return number + 15


@compiled
def _share(rc: Array, data: Array, reading: int, begin: int, count: int, total: int) -> None:
    """Code the part [begin, begin + count) of `total` equal shares; a reader knows it from `_target`."""
    unit = rc[1] // total
    if reading:
        rc[0] -= unit * begin
    else:
        rc[0] += unit * begin
    rc[1] = unit * count
    while rc[1] < 1099511627776:
        if reading:
            rc[0] = (rc[0] << 8) | (np.int64(data[rc[2]]) if rc[2] < data.shape[0] else 0)
            rc[2] += 1
        else:
            _byte_out(rc, data)
        rc[1] <<= 8


@compiled
def _target(rc: Array, total: int) -> int:
    """The share of `total` in which the bytes lie; beyond the last one, they are damaged."""
    share = rc[0] // (rc[1] // total)
    if share >= total:
        rc[3] = 2
        return total - 1
    return share


@compiled
def _adapt(chances: Array, place: int, bit: int) -> None:
    """Move a chance towards a bit."""
    chances[place] = min(max(chances[place] + (((bit << 16) - chances[place]) >> 5), 64), 65472)


@compiled
def code_codes(  # noqa: C901 - one loop
    rc: Array, data: Array, reading: int, tokens_GL: Array, codes: int
) -> None:
    """Code indices below `codes`, group by group: as before? seen in this study? which one?"""
    groups, places = tokens_GL.shape
    same = np.full(8, 32768, np.int64)
    seen = np.full(2, 32768, np.int64)
    was_same = np.zeros(places + 1, np.int64)  # the last: the place to the left in this group
    tree = np.zeros(codes + 1, np.int64)  # Fenwick tree of counts
    counts = np.zeros(codes, np.int64)
    total, top = np.int64(0), 1
    while top * 2 <= codes:
        top *= 2
    new = 1
    for g in range(groups):
        left = 0
        for n in range(places):
            if rc[3] or (reading == 0 and rc[2] + 256 > data.shape[0]):
                rc[3] = max(rc[3], 1)
                return
            v = np.int64(tokens_GL[g, n])
            flag = 0
            if g > 0:
                context = left + 2 * was_same[n]
                flag = _bit(rc, data, reading, 1 if v == tokens_GL[g - 1, n] else 0, same[context])
                _adapt(same, context, flag)
                was_same[n] = 1 + flag
                left = flag
            if flag:
                tokens_GL[g, n] = tokens_GL[g - 1, n]
                continue
            old = 0
            if total > 0:
                old = _bit(rc, data, reading, 1 if counts[v] > 0 else 0, seen[new])
                _adapt(seen, new, old)
                new = 1 - old
            if old:
                if reading:
                    left_over, v, step = _target(rc, total), np.int64(0), top
                    begin = np.int64(0)
                    while step > 0:
                        if v + step <= codes and tree[v + step] <= left_over - begin:
                            v += step
                            begin += tree[v]
                        step >>= 1
                else:
                    begin, place = np.int64(0), v
                    while place > 0:
                        begin += tree[place]
                        place &= place - 1
                _share(rc, data, reading, begin, counts[v], total)
            else:
                if reading:
                    v = _target(rc, codes)
                _share(rc, data, reading, v, 1, codes)
            tokens_GL[g, n] = v
            counts[v] += 1
            total += 1
            place = v + 1
            while place <= codes:
                tree[place] += 1
                place += place & -place
