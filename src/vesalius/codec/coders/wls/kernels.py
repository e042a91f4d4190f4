"""The loops over pixels: prediction, scale, rANS, both ways. Integers only; every sum wraps at 32 bits.

A coded number is one symbol and some plain bits below it, both in one rANS state between 2**31 and 2**63.
`part` in the arguments: the weights of a level expanded to the columns, `vector` those of the neighbours that are known before the row
is begun, `same` those of the three left neighbours. Letters: N pictures, J rows, I columns, Y X padded rows and columns, W taps.
"""

from __future__ import annotations

import numpy as np

from vesalius.codec.coders.wls.compiled import compiled

_GOOD, _ENDS_EARLY, _OUT_OF_RANGE, _NOT_ENDED = 0, 1, 2, 3


@compiled
def _expand(weights_KW, class_I, block_log2, tap_start, rows_WI):
    """rows_WI[w, i] = weight w of the class of column i."""
    columns = rows_WI.shape[1]
    for w in range(rows_WI.shape[0]):
        row = rows_WI[w]
        for i in range(columns):
            row[i] = weights_KW[class_I[i >> block_log2], tap_start + w]


@compiled
def _predict_row(frames, ring, taps, rows_WI, y, first, last, sums):
    """sums[i] = sum over taps of weight times neighbour, for columns first to last. Taps come in fours."""
    n = last - first
    out = sums[first:last]
    for i in range(n):
        out[i] = 0
    for w in range(0, taps.shape[0], 4):
        a = frames[ring[taps[w, 0]], y + taps[w, 1], first + taps[w, 2] : last + taps[w, 2]]
        b = frames[ring[taps[w + 1, 0]], y + taps[w + 1, 1], first + taps[w + 1, 2] : last + taps[w + 1, 2]]
        c = frames[ring[taps[w + 2, 0]], y + taps[w + 2, 1], first + taps[w + 2, 2] : last + taps[w + 2, 2]]
        d = frames[ring[taps[w + 3, 0]], y + taps[w + 3, 1], first + taps[w + 3, 2] : last + taps[w + 3, 2]]
        u, v, s, t = (
            rows_WI[w, first:last],
            rows_WI[w + 1, first:last],
            rows_WI[w + 2, first:last],
            rows_WI[w + 3, first:last],
        )
        for i in range(n):
            out[i] = np.int32(out[i] + u[i] * a[i] + v[i] * b[i] + s[i] * c[i] + t[i] * d[i])


@compiled
def _scale_row(errors, ring, mean, y, first, last, weights, timed, sums):
    """sums[i] = the part of the scale of column i that does not hang on its own row."""
    n = last - first
    x = first + 3
    now, one, two = errors[ring[0]], errors[ring[1]], errors[ring[2]]
    up, upper = now[y - 1], now[y - 2]
    n0, nw, ne = up[x : x + n], up[x - 1 : x - 1 + n], up[x + 1 : x + 1 + n]
    wnw, ene, nn = up[x - 2 : x - 2 + n], up[x + 2 : x + 2 + n], upper[x : x + n]
    nnw, nne = upper[x - 1 : x - 1 + n], upper[x + 1 : x + 1 + n]
    out = sums[first:last]
    w_n, w_nw, w_ne, w_nn, w_ring = weights[2], weights[3], weights[4], weights[5], weights[6]
    for i in range(n):
        near = w_n * n0[i] + w_nw * nw[i] + w_ne * ne[i] + w_nn * nn[i]
        out[i] = np.int32(near + w_ring * (nnw[i] + nne[i] + wnw[i] + ene[i]))
    if not timed:
        return
    w_same, w_side, w_corner, w_mean, w_mean_side, w_two = (
        weights[7],
        weights[8],
        weights[9],
        weights[10],
        weights[11],
        weights[12],
    )
    a0, a1, a2 = one[y - 1, x : x + n], one[y - 1, x - 1 : x - 1 + n], one[y - 1, x + 1 : x + 1 + n]
    b0, b1, b2 = one[y, x : x + n], one[y, x - 1 : x - 1 + n], one[y, x + 1 : x + 1 + n]
    c0, c1, c2 = one[y + 1, x : x + n], one[y + 1, x - 1 : x - 1 + n], one[y + 1, x + 1 : x + 1 + n]
    for i in range(n):
        side = a0[i] + b1[i] + b2[i] + c0[i]
        corner = a1[i] + a2[i] + c1[i] + c2[i]
        out[i] = np.int32(out[i] + w_same * b0[i] + w_side * side + w_corner * corner)
    m0, m1, m2 = mean[y, x : x + n], mean[y, x - 1 : x - 1 + n], mean[y, x + 1 : x + 1 + n]
    m3, m4, t0 = mean[y - 1, x : x + n], mean[y + 1, x : x + n], two[y, x : x + n]
    for i in range(n):
        middle = w_mean * m0[i] + w_mean_side * (m1[i] + m2[i] + m3[i] + m4[i])
        out[i] = np.int32(out[i] + (middle >> 3) + w_two * t0[i])


@compiled
def _rebuild(counts, cdf, starts, context):
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
    ends[symbols] = place


@compiled
def _learn(counts, seen, fresh, cdf, starts, most_seen):
    """After a row: rebuild the tables of contexts that saw enough, and let old counts fade."""
    for c in range(counts.shape[0]):
        if fresh[c] < 16 or fresh[c] < min(seen[c] >> 3, 1024):
            continue
        seen[c] += fresh[c]
        fresh[c] = 0
        if seen[c] >= most_seen:
            seen[c] >>= 1
            for s in range(counts.shape[1]):
                counts[c, s] >>= 1
        _rebuild(counts, cdf, starts, c)


@compiled
def _open_frame(frames, errors, ring, timed):
    """The rows above a picture: the first row of the picture before, or zeros."""
    for y in range(3):
        for x in range(frames.shape[2]):
            frames[ring[0], y, x] = frames[ring[1], 3, x] if timed else 0
            errors[ring[0], y, x] = errors[ring[1], 3, x] if timed else 0


@compiled
def _close_row(plane_YX, y):
    """The pixels beside a row repeat its ends."""
    last = plane_YX.shape[1] - 4
    for n in range(3):
        plane_YX[y, n] = plane_YX[y, 3]
        plane_YX[y, last + 1 + n] = plane_YX[y, last]


@compiled
def _close_frame(frames, errors, ring, mean, first_frame):
    """The rows below a picture repeat its last; the running mean of errors takes the new ones in."""
    rows, columns = mean.shape
    for y in range(rows - 3, rows):
        for x in range(columns):
            frames[ring[0], y, x] = frames[ring[0], rows - 4, x]
            errors[ring[0], y, x] = errors[ring[0], rows - 4, x]
    now = errors[ring[0]]
    for y in range(2, rows - 2):
        for x in range(columns):
            mean[y, x] = 4 * now[y, x] if first_frame else mean[y, x] - (mean[y, x] >> 3) + now[y, x]


@compiled
def _left_of_row(frames, ring, y):
    """The pixels left of a row before it is known: the pixel above."""
    for n in range(3):
        frames[ring[0], y, n] = frames[ring[0], y - 1, 3]


@compiled
def decode(
    words,
    state,
    shape,
    top,
    escape_bits,
    levels,
    taps,
    n_taps,
    weights,
    classes,
    block_log2,
    shift,
    spans,
    mask,
    scales,
    contexts,
    counts,
    rates,
    out_NJI,
):
    """Fill out_NJI; returns how it went. `rates`: increment, most seen, middle symbol."""
    count, rows, columns = shape
    frames = np.zeros((3, rows + 6, columns + 6), np.int32)
    errors = np.zeros((3, rows + 6, columns + 6), np.int32)
    mean = np.zeros((rows + 6, columns + 6), np.int32)
    sums, scale_sums = np.zeros(columns, np.int32), np.zeros(columns, np.int32)
    vector = np.zeros((taps.shape[1], columns), np.int32)
    same = np.zeros((3, columns), np.int32)
    number, symbols = counts.shape
    cdf, starts = np.zeros((number, symbols + 1), np.int32), np.zeros((number, 257), np.uint8)
    seen, fresh = np.zeros(number, np.int64), np.zeros(number, np.int64)
    ring = np.zeros(3, np.int64)
    for c in range(number):
        _rebuild(counts, cdf, starts, c)
    increment, most_seen, middle = rates
    half, word, escape = (1 << shift) >> 1, 0, symbols - 1
    for t in range(count):
        level = min(t, 2)
        for lag in range(3):
            ring[lag] = (t - lag) % 3
        timed = t > 0
        scale = scales[level]
        _open_frame(frames, errors, ring, timed)
        here, near = frames[ring[0]], errors[ring[0]]
        for j in range(rows):
            y = j + 3
            first, last = spans[j, 0], spans[j, 1]
            if (j & ((1 << block_log2) - 1)) == 0 and (j == 0 or levels[level]):
                class_I = classes[level, j >> block_log2]
                _expand(weights[level], class_I, block_log2, 3, vector[: n_taps[level]])
                _expand(weights[level], class_I, block_log2, 0, same)
            _left_of_row(frames, ring, y)
            near[y, :] = 0
            here[y, 3:] = 0
            if first < last:
                _predict_row(frames, ring, taps[level, : n_taps[level]], vector, y, first, last, sums)
                _scale_row(errors, ring, mean, y, first, last, scale, timed, scale_sums)
                w_w, w_ww = scale[0], scale[1]
                one, two, three = here[y, first + 2], here[y, first + 1], here[y, first]
                e_one, e_two = near[y - 1, 3 + first], near[y - 1, 3 + first]
                for i in range(first, last):
                    value, error = 0, 0
                    if mask[j, i] == 0:
                        total = sums[i] + same[0, i] * one + same[1, i] * two + same[2, i] * three
                        guess = (np.int64(np.int32(total)) + half) >> shift
                        guess = min(max(guess, 0), top)
                        s = min((scale_sums[i] + w_w * e_one + w_ww * e_two) >> 6, 1048575)
                        context = np.int64(contexts[s]) if s < 4096 else np.int64(contexts[s >> 8]) + 32
                        low_bits = max((context >> 2) - 5, 0)
                        slot = state & 32767
                        symbol = np.int64(starts[context, slot >> 7])
                        while cdf[context, symbol + 1] <= slot:
                            symbol += 1
                        begin = cdf[context, symbol]
                        state = (cdf[context, symbol + 1] - begin) * (state >> 15) + slot - begin
                        if symbol == escape:
                            value = state & ((1 << escape_bits) - 1)
                            state >>= escape_bits
                        else:
                            value = guess + ((symbol - middle) << low_bits) + (state & ((1 << low_bits) - 1))
                            state >>= low_bits
                        if state < 2147483648:
                            if word == words.shape[0]:
                                return _ENDS_EARLY
                            state = (state << 32) | np.int64(words[word])
                            word += 1
                        if value < 0 or value > top:
                            return _OUT_OF_RANGE
                        error = abs(value - guess)
                        counts[context, symbol] += increment
                        fresh[context] += 1
                    here[y, i + 3] = value
                    near[y, i + 3] = error
                    out_NJI[t, j, i] = value
                    three, two, one = two, one, value
                    e_two, e_one = e_one, error
                _learn(counts, seen, fresh, cdf, starts, most_seen)
            _close_row(here, y)
            _close_row(near, y)
        _close_frame(frames, errors, ring, mean, t == 0)
        for y in range(mean.shape[0]):
            _close_row(mean, y)
    if word != words.shape[0] or state != 2147483648:
        return _NOT_ENDED
    return _GOOD


@compiled
def encode(
    x_NJI,
    top,
    escape_bits,
    levels,
    taps,
    n_taps,
    weights,
    classes,
    block_log2,
    shift,
    spans,
    mask,
    scales,
    contexts,
    counts,
    rates,
    coded,
):
    """The words, in the order in which they are read, and the state to start from. `coded`: unmasked pixels."""
    count, rows, columns = x_NJI.shape
    frames = np.zeros((3, rows + 6, columns + 6), np.int32)
    errors = np.zeros((3, rows + 6, columns + 6), np.int32)
    mean = np.zeros((rows + 6, columns + 6), np.int32)
    sums, scale_sums = np.zeros(columns, np.int32), np.zeros(columns, np.int32)
    vector = np.zeros((taps.shape[1], columns), np.int32)
    same = np.zeros((3, columns), np.int32)
    number, symbols = counts.shape
    cdf, starts = np.zeros((number, symbols + 1), np.int32), np.zeros((number, 257), np.uint8)
    seen, fresh = np.zeros(number, np.int64), np.zeros(number, np.int64)
    ring = np.zeros(3, np.int64)
    for c in range(number):
        _rebuild(counts, cdf, starts, c)
    increment, most_seen, middle = rates
    half, place, escape = (1 << shift) >> 1, 0, symbols - 1
    begins, widths = np.empty(coded, np.uint16), np.empty(coded, np.uint16)
    plain, plain_bits = np.empty(coded, np.uint16), np.empty(coded, np.uint8)
    for t in range(count):
        level = min(t, 2)
        for lag in range(3):
            ring[lag] = (t - lag) % 3
        timed = t > 0
        scale = scales[level]
        _open_frame(frames, errors, ring, timed)
        here, near = frames[ring[0]], errors[ring[0]]
        for j in range(rows):
            y = j + 3
            first, last = spans[j, 0], spans[j, 1]
            if (j & ((1 << block_log2) - 1)) == 0 and (j == 0 or levels[level]):
                class_I = classes[level, j >> block_log2]
                _expand(weights[level], class_I, block_log2, 3, vector[: n_taps[level]])
                _expand(weights[level], class_I, block_log2, 0, same)
            _left_of_row(frames, ring, y)
            near[y, :] = 0
            here[y, 3:] = 0
            if first < last:
                _predict_row(frames, ring, taps[level, : n_taps[level]], vector, y, first, last, sums)
                _scale_row(errors, ring, mean, y, first, last, scale, timed, scale_sums)
                w_w, w_ww = scale[0], scale[1]
                one, two, three = here[y, first + 2], here[y, first + 1], here[y, first]
                e_one, e_two = near[y - 1, 3 + first], near[y - 1, 3 + first]
                for i in range(first, last):
                    value, error = 0, 0
                    if mask[j, i] == 0:
                        value = np.int64(x_NJI[t, j, i])
                        total = sums[i] + same[0, i] * one + same[1, i] * two + same[2, i] * three
                        guess = (np.int64(np.int32(total)) + half) >> shift
                        guess = min(max(guess, 0), top)
                        s = min((scale_sums[i] + w_w * e_one + w_ww * e_two) >> 6, 1048575)
                        context = np.int64(contexts[s]) if s < 4096 else np.int64(contexts[s >> 8]) + 32
                        low_bits = max((context >> 2) - 5, 0)
                        difference = value - guess
                        symbol = (difference >> low_bits) + middle
                        if symbol < 0 or symbol >= escape:
                            symbol = escape
                            plain[place] = value
                            plain_bits[place] = escape_bits
                        else:
                            plain[place] = difference & ((1 << low_bits) - 1)
                            plain_bits[place] = low_bits
                        begins[place] = cdf[context, symbol]
                        widths[place] = cdf[context, symbol + 1] - cdf[context, symbol]
                        place += 1
                        error = abs(difference)
                        counts[context, symbol] += increment
                        fresh[context] += 1
                    here[y, i + 3] = value
                    near[y, i + 3] = error
                    three, two, one = two, one, value
                    e_two, e_one = e_one, error
                _learn(counts, seen, fresh, cdf, starts, most_seen)
            _close_row(here, y)
            _close_row(near, y)
        _close_frame(frames, errors, ring, mean, t == 0)
        for y in range(mean.shape[0]):
            _close_row(mean, y)
    words = np.empty(coded + 1, np.uint32)
    free = coded + 1
    state = np.int64(2147483648)
    for n in range(place - 1, -1, -1):
        width, bits = np.int64(widths[n]), np.int64(plain_bits[n])
        if state >= width << (48 - bits):
            free -= 1
            words[free] = state & 4294967295
            state >>= 32
        state = (state << bits) | np.int64(plain[n])
        state = ((state // width) << 15) + np.int64(begins[n]) + state % width
    return words[free:], state
