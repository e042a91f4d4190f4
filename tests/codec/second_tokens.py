"""A second decoder of streams of tokens: plain Python from docs/vsl-format.md, section 9, and nothing else."""

from __future__ import annotations

import math
import zlib

import numpy as np


class Coder:
    def __init__(self, data):
        self.data, self.place = data, 6
        self.offset = int.from_bytes(data[:6] + bytes(6 - len(data[:6])), "big")
        self.width = 1 << 48

    def _refill(self):
        while self.width < 1 << 40:
            self.offset = 256 * self.offset + (self.data[self.place] if self.place < len(self.data) else 0)
            self.width *= 256
            self.place += 1

    def bit(self, chance):
        bound = (self.width >> 16) * chance
        bit = int(self.offset < bound)
        if bit:
            self.width = bound
        else:
            self.offset -= bound
            self.width -= bound
        self._refill()
        return bit

    def odds(self, x):
        """A bit whose log odds are given; returns it with its error."""
        x = min(max(x, -2815), 2815)
        high = min(65535, round(65536 / (1 + math.exp(-abs(x) / 256))))
        chance = high if x >= 0 else 65536 - high
        bit = self.bit(chance)
        return bit, 65536 * bit - chance

    def share(self, count):
        return self.offset // (self.width // count)

    def take(self, begin, shares, count):
        unit = self.width // count
        self.offset -= unit * begin
        self.width = unit * shares
        self._refill()


def read(data, shape_GLM, grid, quality, tables):
    """Return tokens_GLM."""
    used, place = 0, 3
    for n, byte in enumerate(data[3:]):
        used |= (byte & 127) << (7 * n)
        place += 1
        if byte < 128:
            break
    groups, places, _ = shape_GLM
    tokens = np.zeros(shape_GLM, np.int64)
    coder = Coder(data[place:])
    if used and "codes" in tables:
        tokens[:, :, 0] = codes(coder, groups, places, int(tables["codes"][0]))
    elif used:
        planes = Cells(coder, (used, groups, *grid), quality, tables).read()
        tokens[:, :, :used] = planes.reshape(used, groups, places).transpose(1, 2, 0)
    assert coder.place >= len(coder.data)
    assert data[:3] == zlib.crc32(tokens.astype("<i4").tobytes()).to_bytes(4, "little")[:3]
    return tokens


def codes(coder, groups, places, entries):
    same, again = [32768] * 6, [32768] * 2
    out = np.zeros((groups, places), np.int64)
    flags = np.zeros((groups, places), int)
    counts, before = {}, 0

    def adapt(chances, at, bit):
        chances[at] = min(max(chances[at] + ((65536 * bit - chances[at]) >> 5), 64), 65472)

    for g in range(groups):
        for n in range(places):
            if g > 0:
                context = (flags[g, n - 1] if n else 0) + 2 * (0 if g == 1 else 1 + flags[g - 1, n])
                flags[g, n] = coder.bit(same[context])
                adapt(same, context, flags[g, n])
                if flags[g, n]:
                    out[g, n] = out[g - 1, n]
                    continue
            known = 0
            if counts:
                known = coder.bit(again[before])
                adapt(again, before, known)
                before = known
            if known:
                total = sum(counts.values())
                share, begin = coder.share(total), 0
                for code in sorted(counts):
                    if share < begin + counts[code]:
                        break
                    begin += counts[code]
                coder.take(begin, counts[code], total)
            else:
                code = coder.share(entries)
                coder.take(code, 1, entries)
            counts[code] = counts.get(code, 0) + 1
            out[g, n] = code
    return out


class Cells:
    """Signed tokens of cells."""

    def __init__(self, coder, shape, quality, tables):
        self.coder, self.shape = coder, shape
        self.tables = {name: np.asarray(table).tolist() for name, table in tables.items()}
        self.quality = self.tables["qualities"].index(quality)
        self.tokens = np.zeros(shape, np.int64)
        self.answers = [[65536 * weight for weight in row] for row in self.tables["out"]]
        self.levels = [0, 0, 0]
        self.tail = [65536 * step for step in self.tables["tail"]]
        self.exponents = [32768] * 30

    def read(self):
        for m in range(self.shape[0]):
            self.levels = [65536 * level for level in self.tables["level"][m]]
            self.means = [64 * self.whole(m, span) // (span * self.tokens[0].size) for span in (1, 4, 16)]
            self.running = 0
            for done, place in enumerate(np.ndindex(*self.shape[1:])):
                self.tokens[(m, *place)] = self.token(m, place, done)
                self.running += self.size(m, *place)
        return self.tokens

    def size(self, m, g, r, c):
        inside = all(0 <= at < end for at, end in zip((m, g, r, c), self.shape, strict=True))
        return min(abs(int(self.tokens[m, g, r, c])), 255) if inside else 0

    def whole(self, m, span):
        return int(np.minimum(np.abs(self.tokens[max(0, m - span) : m]), 255).sum())

    def window(self, m, span, g, r, c):
        return sum(self.size(n, g, r, c) for n in range(max(0, m - span), m))

    def known(self, m, place, done):
        g, r, c = place
        sides, corners = ((-1, 0), (1, 0), (0, -1), (0, 1)), ((-1, -1), (-1, 1), (1, -1), (1, 1))
        first, second, third = self.tables["related"][m]

        def around(cells, of, *where):
            return sum(of(*where, g, r + j, c + i) for j, i in cells)

        def beside(of, *where):
            return of(*where, g - 1, r, c) + of(*where, g + 1, r, c)

        numbers = [self.window(m, span, g, r, c) for span in (4, 16, 64)]
        numbers += [around(sides, self.window, m, span) for span in (4, 16, 64)]
        numbers += [around(corners, self.window, m, 16)]
        numbers += [self.window(m, 16, g - 1, r, c), self.window(m, 16, g + 1, r, c)]
        numbers += [sum(self.window(m, 16, g + k, r + j, c + i) for k in (-1, 1) for j, i in sides)]
        numbers += [beside(self.window, m, 64)]
        numbers += [self.size(near, g, r, c) for near in (first, second, third)]
        numbers += [around(sides, self.size, first), beside(self.size, first), around(sides, self.size, second)]
        numbers += self.means
        numbers += [self.size(m, g, r, c - 1), self.size(m, g, r - 1, c)]
        numbers += [self.size(m, g, r - 1, c - 1) + self.size(m, g, r - 1, c + 1)]
        numbers += [self.size(m, g, r, c - 2) + self.size(m, g, r - 2, c), self.size(m, g - 1, r, c)]
        numbers += [sum(self.size(m, g - 1, r + j, c + i) for j, i in sides)]
        numbers += [sum(self.size(m, g - 1, r + j, c + i) for j, i in corners)]
        numbers += [(64 * self.running + 16 * self.means[1]) // (done + 16)]
        edges = [c == 0, r == 0, g == 0, g == self.shape[1] - 1]
        return [log(number) for number in numbers] + [64 * edge for edge in edges]

    def token(self, m, place, done):
        x = self.known(m, place, done)
        table = self.tables
        hidden = []
        for h in range(len(table["out"][0])):
            total = sum(table["weights"][f][h] * x[f] for f in range(32))
            total += table["bias"][m][h] + table["quality_bias"][self.quality][h]
            hidden.append(min(max(total >> 8, 0), 16383))
        zero, error = self.coder.odds(self.answer(0, hidden))
        self.learn(0, hidden, error)
        if zero:
            return 0
        positive, _ = self.coder.odds(self.sign(m, *place))
        size = self.magnitude(hidden)
        return size if positive else -size

    def answer(self, o, hidden):
        return (sum(v * h for v, h in zip(self.answers[o], hidden, strict=True)) >> 26) + (self.levels[o] >> 16)

    def learn(self, o, hidden, error):
        rates = self.tables["rates"]
        self.answers[o] = [v + ((error * h * rates[0]) >> 14) for v, h in zip(self.answers[o], hidden, strict=True)]
        self.levels[o] += (error * rates[1]) >> 8

    def sign(self, m, g, r, c):
        total = 0
        places = ((g, r, c - 1), (g, r - 1, c), (g, r - 1, c - 1), (g, r - 1, c + 1), (g - 1, r, c))
        for weight, place in zip(self.tables["signs"][m], places, strict=True):
            if self.size(m, *place):
                total += weight * min(max(int(self.tokens[(m, *place)]), -15), 15)
        return total

    def magnitude(self, hidden):
        more, error = self.coder.odds(self.answer(1, hidden))
        self.learn(1, hidden, error)
        if not more:
            return 1
        odds, total = self.answer(2, hidden), 0
        for n in range(2, 16):
            more, error = self.coder.odds(odds + (self.tail[n - 2] >> 16))
            self.tail[n - 2] += (error * self.tables["rates"][2]) >> 8
            total += error
            if not more:
                break
        self.learn(2, hidden, total)
        return 15 + self.escape() if more else n

    def escape(self):
        bits = 0
        for n in range(30):
            more = self.coder.bit(self.exponents[n])
            step = (65536 * more - self.exponents[n]) >> 4
            self.exponents[n] = min(max(self.exponents[n] + step, 64), 65472)
            if not more:
                break
            bits += 1
        number = 1
        for _ in range(bits):
            number = 2 * number + self.coder.bit(32768)
        return number


def log(number):
    number = min(number + 1, 65536)
    e = number.bit_length() - 1
    return 16 * e + 16 * (number - (1 << e)) // (1 << e)
