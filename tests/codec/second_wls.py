"""Coder 16 of docs/vsl-format.md, section 8, for the second decoder: pixel by pixel, in Python's own integers."""

import struct
import zlib
from itertools import product

import numpy as np

PAD = 5
AROUND = {  # place: weight in the first picture, weight in the others
    (-1, 0): (200, 64), (-1, -1): (110, 35), (-1, 1): (120, 35), (-2, 0): (80, 40),
    (-2, -1): (38, 24), (-2, 1): (38, 24), (-1, -2): (38, 24), (-1, 2): (38, 24),
}  # fmt: skip
CROSS = [(0, -1), (0, 1), (-1, 0), (1, 0)]


def wls(data, shape, depth):
    if data[0] == 0:
        return np.frombuffer(data[1:], "u1" if depth <= 8 else "<u2").reshape(shape)
    assert data[0] == 1
    return Decoder(data, shape, depth).pictures()


def neighbours():
    reach = range(-PAD, PAD + 1)
    near = [p for p in product(reach, reach) if p[0] ** 2 + p[1] ** 2 <= 25]
    near.sort(key=lambda p: (p[0] ** 2 + p[1] ** 2, abs(p[0]), p[0], p[1]))
    return [p for p in near if p[0] < 0 or (p[0] == 0 and -4 <= p[1] <= -1)], near


def unrice(data, count):
    bits = "".join(f"{byte:08b}" for byte in data)
    place, a, c, out = 0, 64, 1, []
    for _ in range(count):
        w = 0
        while c * 2**w < a:
            w += 1
        ones = 0
        while ones < 24 and bits[place] == "1":
            ones, place = ones + 1, place + 1
        if ones == 24:
            f, place = int(bits[place : place + 18], 2), place + 18
        else:
            place += 1
            f = (ones << w) + int("0" + bits[place : place + w], 2)
            place += w
        a, c = a + f, c + 1
        if c == 8:
            a, c = a >> 1, 4
        out.append(f // 2 if f % 2 == 0 else -(f + 1) // 2)
    assert len(bits) - place < 8
    return out


def first_counts(context):
    k = max(0, (context >> 2) - 5)
    a = context if context < 4 else (4 + context % 4) * 2 ** (context // 4 - 1)
    m = max(2, a >> k)
    places = [abs(y - 48) if k == 0 else (y - 48 if y >= 48 else 47 - y) for y in range(96)]
    shares = [0] * 96
    for g in (5 * m // 8, m, 2 * m):
        p = [2**30]
        while len(p) <= 48:
            p.append((p[-1] * (65536 * g // (g + 16))) >> 16)
        whole = sum(p[n] for n in places)
        shares = [share + (p[n] * 2**20) // whole for share, n in zip(shares, places, strict=True)]
    return [3072 * share // (3 * 2**20) for share in shares] + [1]


class Context:
    def __init__(self, number):
        self.counts, self.h, self.r = first_counts(number % 76), 0, 0
        self.make()

    def make(self):
        u = 32671 * 2**16 // sum(self.counts)
        self.f = [1 + ((n * u) >> 16) for n in self.counts]
        self.f[self.counts.index(max(self.counts))] += 2**15 - sum(self.f)

    def row_ended(self):
        if self.r >= 32 and self.r >= min(self.h >> 2, 1024):
            self.h, self.r = self.h + self.r, 0
            if self.h >= 12000:
                self.h >>= 1
                self.counts = [n >> 1 for n in self.counts]
            self.make()


class Decoder:
    def __init__(self, data, shape, depth):
        self.shape, self.depth = shape, depth
        n0, n1, n2, self.s, self.b, classes, flags, self.top, self.state = struct.unpack_from("<7BHQ", data, 1)
        place, parts = 18, []
        for _ in range(3):
            length = shift = 0
            while True:
                byte, place = data[place], place + 1
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            parts.append(data[place : place + length])
            place += length
        self.words = list(np.frombuffer(data[place:], "<u4"))
        now, near = neighbours()
        self.taps = [[(0, *p) for p in now[:n0]]]
        self.taps.append(self.taps[0] + [(1, *p) for p in near[:n1]])
        self.taps.append(self.taps[1] + [(2, *p) for p in near[:n2]])
        levels = range(min(3, shape[0]))
        sets = [classes if flags & 2 << level else 1 for level in levels]
        numbers = unrice(parts[0], sum(sets[level] * len(self.taps[level]) for level in levels))
        self.weights = []
        for level in levels:
            part = [[numbers.pop(0) for _ in self.taps[level]] for _ in range(sets[level])]
            self.weights.append([part[0], *([a + d for a, d in zip(part[0], one, strict=True)] for one in part[1:])])
        rows, columns = (-(-side // 2**self.b) for side in shape[1:])
        raw = zlib.decompress(parts[1], -15) if classes > 1 else bytes(rows * columns)
        self.classes = np.frombuffer(raw, np.uint8).reshape(rows, columns)
        raw = zlib.decompress(parts[2], -15) if flags & 1 else bytes(-(-shape[1] * shape[2] // 8))
        self.mask = np.unpackbits(np.frombuffer(raw, np.uint8))[: shape[1] * shape[2]].reshape(shape[1:])
        self.contexts = [Context(n) for n in range(228)]

    def pictures(self):
        count, rows, columns = self.shape
        grown = (count, rows + 2 * PAD, columns + 2 * PAD)
        self.x, self.e = np.zeros(grown, object), np.zeros(grown, object)
        self.mean = np.zeros(grown[1:], object)
        for t in range(count):
            for plane in (self.x, self.e):
                plane[t, :PAD] = plane[t - 1, PAD] if t else 0
            for j in range(rows):
                self.row(t, j, j + PAD)
            for plane in (self.x, self.e):
                plane[t, PAD + rows :] = plane[t, PAD + rows - 1]
            self.mean = self.mean - (self.mean >> 3) + self.e[t] if t else 4 * self.e[t]
        assert self.state == 2**31
        assert not self.words
        return self.x[:, PAD:-PAD, PAD:-PAD].astype(np.int64)

    def row(self, t, j, y):
        columns = self.shape[2]
        self.x[t, y, :PAD] = self.x[t, y - 1, PAD]
        live = np.flatnonzero(self.mask[j] == 0)
        if len(live):
            first = PAD + live[0]
            e_w = e_ww = self.e[t, y - 1, first]
            for i in range(live[0], live[-1] + 1):
                if self.mask[j, i] == 0:
                    self.x[t, y, i + PAD], self.e[t, y, i + PAD] = self.pixel(t, y, i + PAD, e_w, e_ww)
                e_w, e_ww = self.e[t, y, i + PAD], e_w
            for context in self.contexts:
                context.row_ended()
        for plane in (self.x, self.e):
            plane[t, y, :PAD] = plane[t, y, PAD]
            plane[t, y, PAD + columns :] = plane[t, y, PAD + columns - 1]

    def pixel(self, t, y, x, e_w, e_ww):
        level = min(t, 2)
        sets = self.weights[level]
        block = self.classes[(y - PAD) >> self.b, (x - PAD) >> self.b] if len(sets) > 1 else 0
        total = sum(
            w * self.x[t - n, y + dj, x + di] for w, (n, dj, di) in zip(sets[block], self.taps[level], strict=True)
        )
        total = (total + 2**31) % 2**32 - 2**31
        fine = min(max(total >> (self.s - 7), 0), 128 * self.top)
        guess = (fine + 64) >> 7
        q = min(self.scale(t, y, x, e_w, e_ww) >> 9, 2**20 - 1)
        context = self.context(q) if q < 4096 else self.context(q >> 8) + 32
        k, sign = max(0, (context >> 2) - 5), 1
        if context < 16:
            d = fine - 128 * guess
            sign = -1 if d < 0 else 1
            context += 76 * ((47 * abs(d)) >> 10)
        symbol = self.symbol(self.contexts[context])
        plain = self.plain(self.depth if symbol == 96 else k)
        value = plain if symbol == 96 else guess + sign * ((symbol - 48) * 2**k + plain)
        assert 0 <= value <= self.top
        if self.state < 2**31:
            self.state = self.state * 2**32 + int(self.words.pop(0))
        return value, abs(8 * value - (fine >> 4))

    def scale(self, t, y, x, e_w, e_ww):
        later = t > 0
        total = 76 * e_w + 60 * e_ww if later else 220 * e_w + 80 * e_ww
        total += sum(w[later] * self.e[t, y + dj, x + di] for (dj, di), w in AROUND.items())
        if later:
            one = self.e[t - 1]
            total += 50 * one[y, x] + sum(28 * one[y + dj, x + di] for dj, di in CROSS)
            total += sum(22 * one[y + dj, x + di] for dj, di in product((-1, 1), (-1, 1)))
            total += 12 * self.mean[y, x] + sum(6 * self.mean[y + dj, x + di] for dj, di in CROSS)
        if t > 1:
            total += 26 * self.e[t - 2, y, x]
        return total

    def context(self, q):
        n = int(q).bit_length()
        return q if q < 4 else 4 * (n - 2) + (q >> (n - 3)) % 4

    def symbol(self, context):
        v, begin, symbol = self.state % 2**15, 0, 0
        while begin + context.f[symbol] <= v:
            begin += context.f[symbol]
            symbol += 1
        self.state = context.f[symbol] * (self.state >> 15) + v - begin
        context.counts[symbol] += 32
        context.r += 1
        return symbol

    def plain(self, bits):
        value = self.state % 2**bits
        self.state >>= bits
        return value
