"""A second decoder of `.vsl` files, written from docs/vsl-format.md alone; it shares no code with the package.

Slow and plain on purpose: it reads a whole file, checks every checksum and gives back the stored values of one tier.
"""

import hashlib
import json
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.second_coders import LOSSY_BITS, decode_pictures


class BadFileError(Exception):
    """The file is not as the page on the format says."""


def expect(condition, what):
    if not condition:
        raise BadFileError(what)


@dataclass
class File:
    """A parsed file: header, tail, attachments by number, chunks by (tier, number) as (coder, payload)."""

    header: dict
    tail: dict
    attachments: dict
    chunks: dict


PAGE = Path(__file__).parents[2] / "docs" / "vsl-format.md"


def dictionary() -> bytes:
    """Section 2, "Dictionary": the NIfTI header by its table, the text as the page spells it."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([0-9A-F ]+) \|", page[page.index("**Dictionary.**") :], re.MULTILINE)
    header = bytearray(352)
    for place, digits in rows:
        value = bytes.fromhex(digits)
        header[int(place) : int(place) + len(value)] = value
    text = page[page.index("```text\n") + 8 :]
    return bytes(header) + text[: text.index("```")].replace("\n", "").encode()


def inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=-15, zdict=dictionary())
    raw = stream.decompress(data)
    expect(stream.eof and not stream.unused_data, "end of a deflated stream")
    return raw


def number_at(data: bytes, place: int) -> tuple[int, int]:
    """A number in LEB128 and the place behind it."""
    number, shift = data[place] & 127, 0
    while data[place] > 127:
        place, shift = place + 1, shift + 7
        number |= (data[place] & 127) << shift
    return number, place + 1


def parse(data: bytes) -> File:
    """Section 1: a file of either version."""
    expect(data[:8] == b"\x89VSL\r\n\x1a\n", "magic")
    major = struct.unpack_from("<H", data, 8)[0]
    return {1: parse_version_1, 2: parse_version_2}[major](data)


def parse_version_2(data: bytes) -> File:
    """Section 1: head, frames, checksum."""
    expect(hashlib.sha256(data[:-8]).digest()[:8] == data[-8:], "checksum of the file")
    header, tail, attachments, chunks, place = None, None, {}, {}, 10
    while place < len(data) - 8:
        start = place
        expect(tail is None and data[place : place + 2] == b"\xb5V", "frame")
        number, place = number_at(data, place + 2)
        size, place = number_at(data, place)
        payload = data[place + 4 : place + 4 + size]
        crc = struct.unpack_from("<I", data, place)[0]
        expect(zlib.crc32(data[start:place] + payload) == crc, "frame checksum")
        kind, number = number % 16, number // 16
        expect((kind == 9) == (start == 10), "the header is the first frame")
        if kind == 9:
            header = json.loads(inflate(payload))
        elif kind == 10:
            tail = json.loads(inflate(payload))
        elif kind == 8:
            attachments[number] = inflate(payload)
        else:
            chunks[kind, number] = (header["tiers"][kind]["coder_id"], payload)
        place += 4 + size
    expect(tail is not None and place == len(data) - 8, "tail")
    for number, blob in enumerate(header.get("blobs", [])):
        expect(len(attachments.setdefault(number, b"")) == blob["length"], "attachment length")
    return File(header, tail, attachments, chunks)


def affine(file: File) -> list[float]:
    """Section 2: the 16 numbers of the affine of a grid."""
    geometry = file.header["geometry"]
    if geometry["kind"] == "grid":
        return geometry["affine"]
    expect(geometry["kind"] == "sform", "kind of geometry")
    head = file.attachments[geometry.get("blob", 0)]
    for order in "<>":
        for size, place, form in ((348, 280, "12f"), (540, 400, "12d")):
            if struct.unpack_from(order + "i", head)[0] == size:
                return [*struct.unpack_from(order + form, head, place), 0.0, 0.0, 0.0, 1.0]
    raise BadFileError("no NIfTI header")


def frame_ms(file: File) -> list[float] | None:
    """Section 2: start of each frame."""
    times = file.header.get("frame_ms")
    if isinstance(times, dict):
        return [times["start"] + times["step"] * n for n in range(file.header["shape"][1])]
    return times


def parse_version_1(data: bytes) -> File:
    """Section 10."""
    magic, major, _, length, crc = struct.unpack_from("<8sHHII", data)
    expect(magic == b"\x89VSL\r\n\x1a\n" and major == 1, "magic or version")
    packed = data[20 : 20 + length]
    expect(zlib.crc32(packed) == crc, "header checksum")
    header = json.loads(zlib.decompress(packed))
    offset, tail_length, tail_crc, digest, end = struct.unpack("<QII32s8s", data[-56:])
    expect(end == b"vslE\r\n\x1a\n" and offset + tail_length + 56 == len(data), "end")
    expect(hashlib.sha256(data[:-40]).digest() == digest, "checksum of the file")
    expect(zlib.crc32(data[offset : offset + tail_length]) == tail_crc, "tail checksum")
    tail = json.loads(zlib.decompress(data[offset : offset + tail_length]))
    attachments, chunks, place = {}, {}, 20 + length
    for length in tail["lengths"]:
        marker, kind, tier, coder, zero, number, size, crc = struct.unpack_from("<4sBBBBIII", data, place)
        payload = data[place + 20 : place + 20 + size]
        expect((marker, zero, size) == (b"vslc", 0, length), "frame")
        expect(zlib.crc32(data[place : place + 16] + payload) == crc, "frame checksum")
        if kind == 0:
            attachments[number] = zlib.decompress(payload)
            expect(len(attachments[number]) == header["blobs"][number]["length"], "attachment length")
        else:
            chunks[tier, number] = (coder, payload)
        place += 20 + size
    expect(place == offset, "frames fill the file")
    return File(header, tail, attachments, chunks)


def decode(data: bytes, tier: int = 0) -> np.ndarray:
    """Stored values (C, T, I, J, K) of a tier; its recorded checksum is compared where there is one."""
    file = parse(data)
    facts, shape = file.header["tiers"][tier], file.header["shape"]
    c, t, i, j, k = shape
    dtype = np.dtype(file.header["dtype"])
    stored = np.empty(shape, dtype=dtype)
    digest = hashlib.sha256()
    per_chunk, deep = facts["frames_per_chunk"], facts.get("slices_per_chunk", 1)
    groups, stacks = -(-t // per_chunk), -(-k // deep)
    expect(deep == 1 or t == 1 or facts["kind"] == "tokens", "slices in a chunk")
    expect(sum(number[0] == tier for number in file.chunks) == groups * stacks, "number of chunks")
    for n in range(groups * stacks):
        coder, payload = file.chunks[tier, n]
        expect(coder == facts["coder_id"], "coder of a chunk")
        first = n % groups * per_chunk
        top = n // groups * deep
        frames, slices = min(per_chunk, t - first), min(deep, k - top)
        reader = Reader(payload, facts, dtype, (c, frames * slices, i, j))
        kinds = {"lossless": reader.lossless, "lossy": reader.lossy, "bounded": reader.bounded, "tokens": reader.means}
        part = kinds[facts["kind"]](file)
        expect(reader.place == len(payload), "payload used up")
        for number in range(frames * slices):
            frame, slice_k = first + number // slices, top + number % slices
            stored[:, frame, :, :, slice_k] = part[:, number]
        digest.update(np.ascontiguousarray(part).tobytes())
    recorded = file.tail["tiers"][tier].get("sha256")
    expect(recorded is None or digest.hexdigest().startswith(recorded), "checksum of the values")
    return stored


class Reader:
    """Section 4: the payload of one chunk."""

    def __init__(self, payload, facts, dtype, shape):
        self.payload, self.facts, self.dtype, self.shape, self.place = payload, facts, dtype, shape, 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.payload, self.place)
        self.place += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def sequence(self, coder, bits, channels):
        """A plane (channels, t, I, J), channel after channel."""
        _, t, i, j = self.shape
        parts = []
        for _ in range(channels):
            if self.take("B") == 0:
                parts.append(np.full((t, i, j), self.take("H")))
                continue
            length = self.take("I")
            data = self.payload[self.place : self.place + length]
            self.place += length
            pictures = decode_pictures(coder, data, (t, j, i), bits)
            parts.append(pictures.transpose(0, 2, 1))
        return np.stack(parts)

    def lossless(self, file):
        complex_or_long = self.dtype.kind == "c" or self.dtype.itemsize > 8
        components, width = 1, self.dtype.itemsize
        if complex_or_long and self.dtype.kind == "c" and width <= 16:
            components, width = 2, width // 2
        elif complex_or_long:
            components, width = width // 2, 2
        channels = self.shape[0] * components
        value = np.zeros((channels, *self.shape[1:]), dtype=object)
        for bits in self.facts["plane_bits"]:
            value = value * (1 << bits) + self.sequence(self.facts["coder_id"], bits, channels).astype(object)
        if "table_blob" in self.facts:
            keys = table(file.attachments[self.facts["table_blob"]])
            expect(len(keys) == self.facts["table_length"], "length of the table")
            value = np.array([keys[v] for v in value.ravel()], dtype=object).reshape(value.shape)
        else:
            value = value + self.facts.get("low", 0)
        return self.from_keys(value, components, width)

    def from_keys(self, keys, components, width):
        """Python integers to stored values."""
        top, full = 1 << (8 * width - 1), (1 << 8 * width) - 1
        whole = self.facts.get("whole", False)
        kind = "u" if components > 2 else "f" if components == 2 else self.dtype.kind
        if kind == "i" or whole:
            bits = [key ^ top for key in keys.ravel()]
        elif kind == "f":
            bits = [key ^ top if key & top else key ^ full for key in keys.ravel()]
        else:
            bits = list(keys.ravel())
        raw = b"".join(int(b).to_bytes(width, "little") for b in bits)
        if whole:
            values = np.frombuffer(raw, f"<i{width}").reshape(self.shape).astype(f"<f{width}")
            return values.astype(self.dtype)
        words = np.frombuffer(raw, np.uint8).reshape(self.shape[0], components, *self.shape[1:], width)
        together = np.ascontiguousarray(np.moveaxis(words, 1, -2)).reshape(*self.shape, components * width)
        little = together.view(self.dtype.newbyteorder("<"))[..., 0]
        return little.astype(self.dtype)

    def mask(self):
        if not self.facts.get("masked", False):
            return None
        return self.sequence(1, 2, self.shape[0])

    def real(self, coder, low, step):
        pictures = self.sequence(coder, LOSSY_BITS[coder], self.shape[0])
        return low + step * pictures.astype(np.float64)

    def lossy(self, file):
        mask = self.mask()
        values = self.real(self.facts["coder_id"], self.facts.get("low", 0), self.facts.get("step", 1.0))
        return self.stored(values, mask)

    def bounded(self, file):
        mask = self.mask()
        base = self.facts.get("low", 0)
        if "base_coder_id" in self.facts:
            low, step = self.facts.get("base_low", 0.0), self.facts.get("base_step", 1.0)
            base = self.real(self.facts["base_coder_id"], low, step)
            base = np.rint(base) if self.dtype.kind in "iu" else base
        q0, bits = self.take("qB")
        depths = ([bits % 16] if bits % 16 else []) + [16] * (bits // 16)
        value = np.zeros(self.shape, dtype=object)
        for depth in depths:
            value = value * (1 << depth) + self.sequence(self.facts["coder_id"], depth, self.shape[0]).astype(object)
        return self.stored(base + self.facts.get("step", 1.0) * (value + q0).astype(np.float64), mask)

    def means(self, file):
        """A tier of tokens without tokens: the mean of each slice in every frame."""
        expect(self.facts.get("prefix", 0) == 0, "no tokens: those need a model")
        mask, (c, n, i, j) = self.mask(), self.shape
        slices = n // file.header["shape"][1]
        channels = []
        for _ in range(c):
            self.shape = (1, slices, i, j)
            means = self.sequence(6, 10, 1)[0].astype(np.float32) / np.float32(1023)
            channels.append(np.concatenate([means] * (n // slices)))
        self.shape = (c, n, i, j)
        values = np.stack(channels).astype(np.float64)
        return self.stored(self.facts.get("low", 0) + self.facts.get("step", 1.0) * values, mask)

    def stored(self, values, mask):
        if self.dtype.kind == "f":
            largest = float(np.finfo(self.dtype).max)
            out = np.clip(values, -largest, largest).astype(self.dtype)
        else:
            limits = np.iinfo(self.dtype)
            flat = [min(max(int(v), int(limits.min)), int(limits.max)) for v in np.rint(values).ravel()]
            out = np.array(flat, dtype=self.dtype).reshape(values.shape)
        if mask is not None:
            for code, value in ((1, np.nan), (2, np.inf), (3, -np.inf)):
                out[mask == code] = value
        return out


def table(attachment):
    """Sorted keys: byte planes of 64-bit differences."""
    planes = np.frombuffer(zlib.decompress(attachment), np.uint8).reshape(8, -1)
    keys, last = [], 0
    for column in planes.T:
        last += int.from_bytes(bytes(column), "little")
        keys.append(last)
    return keys
