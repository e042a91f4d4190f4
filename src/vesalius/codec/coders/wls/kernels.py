"""The loops over pixels: prediction, scale, rANS, both ways. Integers only; sums of a row wrap at 32 bits.

A coded number is one symbol and some plain bits below it, both in one rANS state between 2**31 and 2**63. Indices are
unsigned wherever they can be: Numba would test signed ones for places counted from the end.

Planes are grown by PAD on each side and lie one behind the other in flat buffers: `pixels` holds three pictures, which
`ring` turns (ring[n] is the plane of the picture n before), `errors` their errors in 1/8, then the running mean of the
errors in 1/64. `taps` tell the plane (3: the mean), rows and columns to a neighbour; they come in fours. Letters: N
pictures, J rows, I columns, W weights.
"""

# mypy: ignore-errors
# (Numba has rules of its own for the types of numbers.)

from __future__ import annotations

from typing import Any

import numpy as np

from vesalius.codec.coders.wls.compiled import compiled

Array = Any
_PAD = 5
_GOOD, _ENDS_EARLY, _OUT_OF_RANGE, _NOT_ENDED = 0, 1, 2, 3


@compiled
def _expand(weights_KW: Array, class_I: Array, block_log2: int, tap_start: int, count: int, rows: Array) -> None:
    """rows[w * stride + i] = weight w of the class of column i; the stride is a multiple of 8, as blocks are."""
    stride = rows.shape[0] // count
    for w in range(count):
        for i in range(0, stride, 8):
            weight = weights_KW[class_I[min(i >> block_log2, class_I.shape[0] - 1)], tap_start + w]
            place = np.uint64(w * stride + i)
            for n in range(np.uint64(8)):
                rows[place + n] = weight


@compiled
def _predict_row(pixels: Array, bases: Array, rows: Array, stride: int, count: int, sums: Array) -> None:
    """sums[i] = sum over the neighbours of weight times pixel, for `count` columns. Row 0 of `rows` starts at first."""
    n = np.uint64(count)
    step = np.uint64(stride)
    for i in range(n):
        sums[i] = np.int32(0)
    for w in range(0, bases.shape[0], 4):
        a, b, c, d = bases[w], bases[w + 1], bases[w + 2], bases[w + 3]
        p = np.uint64(w) * step
        q = p + step
        r = q + step
        s = r + step
        for i in range(n):
            near = rows[p + i] * pixels[a + i] + rows[q + i] * pixels[b + i]
            sums[i] = np.int32(sums[i] + near + rows[r + i] * pixels[c + i] + rows[s + i] * pixels[d + i])


@compiled
def _scale_row(errors: Array, bases: Array, weights: Array, used: int, count: int, sums: Array) -> None:
    """sums[i] = sum over the first `used` neighbours of weight times error, for `count` columns."""
    n = np.uint64(count)
    for i in range(n):
        sums[i] = np.int32(0)
    for w in range(0, used, 4):
        a, b, c, d = bases[w], bases[w + 1], bases[w + 2], bases[w + 3]
        p, q, r, s = weights[w], weights[w + 1], weights[w + 2], weights[w + 3]
        for i in range(n):
            near = p * errors[a + i] + q * errors[b + i]
            sums[i] = np.int32(sums[i] + near + r * errors[c + i] + s * errors[d + i])


@compiled
def _find(taps: Array, ring: Array, row: int, width: int, plane: int, bases: Array) -> None:
    """bases[w] = place of neighbour w of the pixel at `row`, which counts from the start of a plane."""
    for w in range(bases.shape[0]):
        at = ring[taps[w, 0]] * plane + row + taps[w, 1] * width + taps[w, 2]
        bases[w] = np.uint64(at)


@compiled
def _rebuild(counts: Array, cdf: Array, starts: Array, context: int) -> None:
    """Frequencies that sum to 2**15 from the counts of a context, and the symbol at each 128th place."""
    row, ends, places = counts[context], cdf[context], starts[context]
    symbols = row.shape[0]
    total, most = 0, 0
    for s in range(symbols):
        total += row[s]
        if row[s] > row[most]:
            most = s
    factor = ((32768 - symbols) << 16) // total
    left = 32768
    for s in range(symbols):
        left -= 1 + ((row[s] * factor) >> 16)
    place, filled = 0, 0
    for s in range(symbols):
        ends[s] = place
        place += 1 + ((row[s] * factor) >> 16) + (left if s == most else 0)
        while (filled << 7) < place:
            places[filled] = s
            filled += 1
    for s in range(symbols, ends.shape[0]):
        ends[s] = 32768


@compiled
def _learn(counts: Array, seen: Array, fresh: Array, cdf: Array, starts: Array, most_seen: int) -> None:
    """After a row: rebuild the tables of contexts that saw enough, and let old counts fade."""
    for c in range(counts.shape[0]):
        if fresh[c] < 32 or fresh[c] < min(seen[c] >> 2, 1024):
            continue
        seen[c] += fresh[c]
        fresh[c] = 0
        if seen[c] >= most_seen:
            seen[c] >>= 1
            for s in range(counts.shape[1]):
                counts[c, s] >>= 1
        _rebuild(counts, cdf, starts, c)


@compiled
def _open_frame(flat: Array, here: int, before: int, width: int, timed: bool) -> None:
    """The rows above a picture: the first row of the picture before, or zeros."""
    for y in range(_PAD):
        for x in range(width):
            flat[here + y * width + x] = flat[before + _PAD * width + x] if timed else 0


@compiled
def _open_row(pixels: Array, errors: Array, row: int, width: int) -> None:
    """Zeros where nothing may be coded; left of the row stands the pixel above its first."""
    for x in range(width):
        pixels[row + x] = 0
        errors[row + x] = 0
    for x in range(_PAD):
        pixels[row + x] = pixels[row - width + _PAD]


@compiled
def _close_row(flat: Array, row: int, columns: int) -> None:
    """The pixels beside a row repeat its ends."""
    for n in range(_PAD):
        flat[row + n] = flat[row + _PAD]
        flat[row + _PAD + columns + n] = flat[row + _PAD + columns - 1]


@compiled
def _close_frame(flat: Array, here: int, rows: int, width: int) -> None:
    """The rows below a picture repeat its last."""
    last = here + (rows + _PAD - 1) * width
    for y in range(1, _PAD + 1):
        for x in range(width):
            flat[last + y * width + x] = flat[last + x]


@compiled
def _average(errors: Array, here: int, mean: int, plane: int, first_frame: bool) -> None:
    """The running mean takes the errors of a picture in, pads and all."""
    for x in range(plane):
        new, old = errors[here + x], errors[mean + x]
        errors[mean + x] = 4 * new if first_frame else old - (old >> 3) + new


@compiled
def decode(  # noqa: C901 - one loop, for speed
    words: Array,
    state: int,
    shape: tuple[int, int, int],
    top: int,
    escape_bits: int,
    classed: Array,
    taps: Array,
    n_taps: Array,
    weights: Array,
    classes: Array,
    block_log2: int,
    shift: int,
    spans: Array,
    mask: Array,
    scale_taps: Array,
    scales: Array,
    contexts: Array,
    counts: Array,
    rates: tuple[int, int, int, int, int],
    out_NJI: Array,
) -> int:
    """Fill out_NJI; returns how it went. `rates`: increment, most seen, middle symbol, fine contexts, contexts."""
    count, rows, columns = shape
    stride = (columns + 7) & ~7
    width, height = stride + 2 * _PAD, rows + 2 * _PAD
    plane = width * height
    pixels, errors = np.zeros(3 * plane, np.int32), np.zeros(4 * plane, np.int32)
    sums, scale_sums = np.zeros(stride, np.int32), np.zeros(stride, np.int32)
    ring, mean = np.array([0, 1, 2, 3]), 3 * plane
    vector, same = np.zeros(taps.shape[1] * stride, np.int32), np.zeros(4 * stride, np.int32)
    bases, scale_bases = np.zeros(taps.shape[1], np.uint64), np.zeros(scale_taps.shape[0], np.uint64)
    number, symbols = counts.shape
    cdf, starts = np.zeros((number, symbols + 4), np.uint16), np.zeros((number, 256), np.uint8)
    seen, fresh = np.zeros(number, np.int64), np.zeros(number, np.int64)
    for c in range(number):
        _rebuild(counts, cdf, starts, c)
    increment, most_seen, middle, fine_contexts, coarse = rates
    word, escape = 0, symbols - 1
    for t in range(count):
        level = min(t, 2)
        for lag in range(3):
            ring[lag] = (t - lag) % 3
        here, before, w = ring[0] * plane, ring[1] * plane, n_taps[level]
        _open_frame(pixels, here, before, width, t > 0)
        _open_frame(errors, here, before, width, t > 0)
        scale_w, scale_ww, scale_used = scales[level, 0], scales[level, 1], 8 if t == 0 else scale_taps.shape[0]
        for j in range(rows):
            row = here + (j + _PAD) * width
            first, last = spans[j, 0], spans[j, 1]
            if (j & ((1 << block_log2) - 1)) == 0 and (j == 0 or classed[level]):
                class_I = classes[level, j >> block_log2]
                _expand(weights[level], class_I, block_log2, 4, w, vector[: w * stride])
                _expand(weights[level], class_I, block_log2, 0, 4, same)
            _open_row(pixels, errors, row, width)
            if first < last:
                start = (j + _PAD) * width + _PAD + first
                _find(taps[level], ring, start, width, plane, bases[:w])
                _find(scale_taps, ring, start, width, plane, scale_bases)
                _predict_row(pixels, bases[:w], vector[first:], stride, last - first, sums)
                _scale_row(errors, scale_bases, scales[level, 2:], scale_used, last - first, scale_sums)
                place = row + _PAD + first
                one, two, three, four = pixels[place - 1], pixels[place - 2], pixels[place - 3], pixels[place - 4]
                e_one = np.int64(errors[place - width])
                e_two = e_one
                for i in range(first, last):
                    value, error = np.int64(0), np.int64(0)
                    if mask[j, i] == 0:
                        x = np.uint32(i)
                        left = same[x] * one + same[np.uint32(stride) + x] * two
                        left += same[np.uint32(2 * stride) + x] * three + same[np.uint32(3 * stride) + x] * four
                        total = np.int64(np.int32(left + sums[np.uint32(i - first)]))
                        fine = min(max(total >> (shift - 7), 0), top << 7)
                        guess = (fine + 64) >> 7
                        apart = fine - (guess << 7)
                        s = min((scale_sums[np.uint32(i - first)] + scale_w * e_one + scale_ww * e_two) >> 9, 1048575)
                        context = np.int64(contexts[np.uint32(s if s < 4096 else s >> 8)]) + (0 if s < 4096 else 32)
                        low_bits = max((context >> 2) - 5, 0)
                        flip = np.int64(1)
                        if context < fine_contexts:
                            flip = -1 if apart < 0 else 1
                            context += coarse * ((abs(apart) * 47) >> 10)
                        c = np.uint32(context)
                        slot = state & 32767
                        symbol = np.int64(starts[c, np.uint32(slot >> 7)])
                        symbol += np.int64(cdf[c, np.uint32(symbol + 1)] <= slot)
                        symbol += np.int64(cdf[c, np.uint32(symbol + 1)] <= slot)
                        while cdf[c, np.uint32(symbol + 1)] <= slot:
                            symbol += 1
                        begin = np.int64(cdf[c, np.uint32(symbol)])
                        state = (np.int64(cdf[c, np.uint32(symbol + 1)]) - begin) * (state >> 15) + slot - begin
                        if symbol == escape:
                            value = state & ((1 << escape_bits) - 1)
                            state >>= escape_bits
                        else:
                            value = guess + flip * (((symbol - middle) << low_bits) + (state & ((1 << low_bits) - 1)))
                            state >>= low_bits
                        if state < 2147483648:
                            if word == words.shape[0]:
                                return _ENDS_EARLY
                            state = (state << 32) | np.int64(words[np.uint32(word)])
                            word += 1
                        if value < 0 or value > top:
                            return _OUT_OF_RANGE
                        error = abs((value << 3) - (fine >> 4))
                        counts[c, np.uint32(symbol)] += increment
                        fresh[c] += 1
                    pixels[np.uint32(place)] = value
                    errors[np.uint32(place)] = error
                    place += 1
                    out_NJI[t, j, i] = value
                    four, three, two, one = three, two, one, np.int32(value)
                    e_two, e_one = e_one, error
                _learn(counts, seen, fresh, cdf, starts, most_seen)
            _close_row(pixels, row, columns)
            _close_row(errors, row, columns)
        _close_frame(pixels, here, rows, width)
        _close_frame(errors, here, rows, width)
        _average(errors, here, mean, plane, t == 0)
    if word != words.shape[0] or state != 2147483648:
        return _NOT_ENDED
    return _GOOD


@compiled
def encode(  # noqa: C901 - one loop, for speed
    x_NJI: Array,
    top: int,
    escape_bits: int,
    classed: Array,
    taps: Array,
    n_taps: Array,
    weights: Array,
    classes: Array,
    block_log2: int,
    shift: int,
    spans: Array,
    mask: Array,
    scale_taps: Array,
    scales: Array,
    contexts: Array,
    counts: Array,
    rates: tuple[int, int, int, int, int],
    coded: int,
) -> tuple[Array, int]:
    """The words, in the order in which they are read, and the state to start from. `coded`: unmasked pixels.

    The mirror of `decode`; see there.
    """
    count, rows, columns = x_NJI.shape
    stride = (columns + 7) & ~7
    width, height = stride + 2 * _PAD, rows + 2 * _PAD
    plane = width * height
    pixels, errors = np.zeros(3 * plane, np.int32), np.zeros(4 * plane, np.int32)
    sums, scale_sums = np.zeros(stride, np.int32), np.zeros(stride, np.int32)
    ring, mean = np.array([0, 1, 2, 3]), 3 * plane
    vector, same = np.zeros(taps.shape[1] * stride, np.int32), np.zeros(4 * stride, np.int32)
    bases, scale_bases = np.zeros(taps.shape[1], np.uint64), np.zeros(scale_taps.shape[0], np.uint64)
    number, symbols = counts.shape
    cdf, starts = np.zeros((number, symbols + 4), np.uint16), np.zeros((number, 256), np.uint8)
    seen, fresh = np.zeros(number, np.int64), np.zeros(number, np.int64)
    for c in range(number):
        _rebuild(counts, cdf, starts, c)
    increment, most_seen, middle, fine_contexts, coarse = rates
    written, escape = 0, symbols - 1
    begins, widths = np.empty(coded, np.uint16), np.empty(coded, np.uint16)
    plain, plain_bits = np.empty(coded, np.uint16), np.empty(coded, np.uint8)
    for t in range(count):
        level = min(t, 2)
        for lag in range(3):
            ring[lag] = (t - lag) % 3
        here, before, w = ring[0] * plane, ring[1] * plane, n_taps[level]
        _open_frame(pixels, here, before, width, t > 0)
        _open_frame(errors, here, before, width, t > 0)
        scale_w, scale_ww, scale_used = scales[level, 0], scales[level, 1], 8 if t == 0 else scale_taps.shape[0]
        for j in range(rows):
            row = here + (j + _PAD) * width
            first, last = spans[j, 0], spans[j, 1]
            if (j & ((1 << block_log2) - 1)) == 0 and (j == 0 or classed[level]):
                class_I = classes[level, j >> block_log2]
                _expand(weights[level], class_I, block_log2, 4, w, vector[: w * stride])
                _expand(weights[level], class_I, block_log2, 0, 4, same)
            _open_row(pixels, errors, row, width)
            if first < last:
                start = (j + _PAD) * width + _PAD + first
                _find(taps[level], ring, start, width, plane, bases[:w])
                _find(scale_taps, ring, start, width, plane, scale_bases)
                _predict_row(pixels, bases[:w], vector[first:], stride, last - first, sums)
                _scale_row(errors, scale_bases, scales[level, 2:], scale_used, last - first, scale_sums)
                place = row + _PAD + first
                one, two, three, four = pixels[place - 1], pixels[place - 2], pixels[place - 3], pixels[place - 4]
                e_one = np.int64(errors[place - width])
                e_two = e_one
                for i in range(first, last):
                    value, error = np.int64(0), np.int64(0)
                    if mask[j, i] == 0:
                        value = np.int64(x_NJI[t, j, i])
                        left = same[i] * one + same[stride + i] * two
                        left += same[2 * stride + i] * three + same[3 * stride + i] * four
                        total = np.int64(np.int32(left + sums[i - first]))
                        fine = min(max(total >> (shift - 7), 0), top << 7)
                        guess = (fine + 64) >> 7
                        apart = fine - (guess << 7)
                        s = min((scale_sums[i - first] + scale_w * e_one + scale_ww * e_two) >> 9, 1048575)
                        context = np.int64(contexts[s if s < 4096 else s >> 8]) + (0 if s < 4096 else 32)
                        low_bits = max((context >> 2) - 5, 0)
                        flip = np.int64(1)
                        if context < fine_contexts:
                            flip = -1 if apart < 0 else 1
                            context += coarse * ((abs(apart) * 47) >> 10)
                        difference = flip * (value - guess)
                        symbol = (difference >> low_bits) + middle
                        if symbol < 0 or symbol >= escape:
                            symbol = escape
                            plain[written] = value
                            plain_bits[written] = escape_bits
                        else:
                            plain[written] = difference & ((1 << low_bits) - 1)
                            plain_bits[written] = low_bits
                        begins[written] = cdf[context, symbol]
                        widths[written] = cdf[context, symbol + 1] - cdf[context, symbol]
                        written += 1
                        error = abs((value << 3) - (fine >> 4))
                        counts[context, symbol] += increment
                        fresh[context] += 1
                    pixels[place] = value
                    errors[place] = error
                    place += 1
                    four, three, two, one = three, two, one, np.int32(value)
                    e_two, e_one = e_one, error
                _learn(counts, seen, fresh, cdf, starts, most_seen)
            _close_row(pixels, row, columns)
            _close_row(errors, row, columns)
        _close_frame(pixels, here, rows, width)
        _close_frame(errors, here, rows, width)
        _average(errors, here, mean, plane, t == 0)
    return _write(begins[:written], widths[:written], plain, plain_bits)


@compiled
def _write(begins: Array, widths: Array, plain: Array, plain_bits: Array) -> tuple[Array, int]:
    """The rANS coder, from the last symbol to the first."""
    count = begins.shape[0]
    words = np.empty(count + 1, np.uint32)
    free = count + 1
    state = np.int64(2147483648)
    for n in range(count - 1, -1, -1):
        width, bits = np.int64(widths[n]), np.int64(plain_bits[n])
        if state >= width << (48 - bits):
            free -= 1
            words[free] = state & 4294967295
            state >>= 32
        state = (state << bits) | np.int64(plain[n])
        state = ((state // width) << 15) + np.int64(begins[n]) + state % width
    return words[free:], state
