"""Read the variables of TensorFlow checkpoints and SavedModels (`NAME.index`, `NAME.data-00000-of-00002`, ...).

TensorFlow is not needed. The index is a table (`sstable`) of protocol buffers: under the empty key a BundleHeaderProto,
under the name of each tensor a BundleEntryProto, which says in which shard its bytes lie, or which slices of it there
are; a slice has a key and an entry of its own. TensorFlow 2 names tensors by the place of their object
("variables/12/.ATTRIBUTES/VARIABLE_VALUE"); the graph of objects, a string in the bundle itself, knows the names of the
variables.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.weights.crc32c import crc32c, masked
from vesalius.weights.sstable import read_table, varint

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_OF_A_VARIABLE = "/.ATTRIBUTES/VARIABLE_VALUE"
_STRING, _BFLOAT16 = 7, 14
_DTYPES: Mapping[int, str] = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    _BFLOAT16: "<i2",
    19: "<f2",
}
"""Numbers of TensorFlow's DataType, and how the bytes are read; bfloat16 is turned afterwards."""
_OF_A_SLICE = b"\0"
"""Begins the key of a slice."""
_MOST_SHARDS, _MOST_AXES, _MOST_INDEX = 99_999, 64, 1 << 28
_AGAIN = "get the folder again"


Extents = tuple[tuple[int, int | None], ...]
"""Start and length along each axis; None: the whole axis."""


@dataclass(frozen=True)
class _Entry:
    """A BundleEntryProto: kind and shape of a tensor, where its bytes lie, their masked CRC-32C; or its slices."""

    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    checksum: int = 0
    slices: tuple[Extents, ...] = ()


def read_bundle(index: Path) -> tuple[dict[str, Tensor | bytes], list[Path]]:
    """Return the tensors of a checkpoint by the names of their variables, and the files that hold them.

    Args:
        index: the file `NAME.index`, the shards beside it.

    Returns:
        Tensors (the bytes of what is a string), and the paths of the index and of the shards.

    Raises:
        InputError: a file is missing, damaged, cut short or too large, or a tensor is of an unknown kind.
    """
    size = regular(index).stat().st_size
    if size > _MOST_INDEX:
        raise InputError(f"is too large for an index ({size} bytes)", where=index, fix=_AGAIN)
    try:
        table = read_table(regular(index).read_bytes())
        shards = _shards(index, table.pop(b"", b""))
        bundle = _Bundle({key: _entry(value) for key, value in table.items()}, shards)
        tensors = bundle.tensors()
        graph = tensors.pop(_GRAPH, b"")
        names = _names(graph) if isinstance(graph, bytes) else {}
    except (ValueError, struct.error) as error:
        what = f"is no readable index of a TensorFlow checkpoint ({error})"
        raise InputError(what, where=index, fix=_AGAIN) from error
    return _renamed(tensors, names), [index, *shards]


class _Bundle:
    """The tensors of a checkpoint. Methods raise ValueError where the index is damaged, InputError where a shard is.

    Args:
        entries: by key.
        shards: files of the bytes, in order.
    """

    def __init__(self, entries: Mapping[bytes, _Entry], shards: list[Path]) -> None:
        self._entries, self._shards = entries, shards
        self._sizes = [shard.stat().st_size for shard in shards]

    def tensors(self) -> dict[str, Tensor | bytes]:
        """Return all tensors by key; those in slices are put together."""
        check_memory(2 * sum(entry.size for entry in self._entries.values()), self._shards[0])
        tensors: dict[str, Tensor | bytes] = {}
        for key, entry in self._entries.items():
            if key.startswith(_OF_A_SLICE):
                continue
            name = key.decode()
            tensors[name] = self._joined(name, entry) if entry.slices else self._whole(name, entry)
        return tensors

    def _joined(self, name: str, entry: _Entry) -> Tensor:
        sliced = sum(self._slice(name, extents).size for extents in entry.slices)
        if _bytes(entry) != sliced:
            raise ValueError(f"the slices of {name} do not fill it")
        tensor, missing = torch.empty(0), torch.ones(entry.shape, dtype=torch.bool)
        for number, extents in enumerate(entry.slices):
            part = self._whole(name, self._slice(name, extents))
            if not isinstance(part, Tensor):
                raise ValueError(f"{name} is no tensor")
            tensor = part.new_empty(entry.shape) if number == 0 else tensor
            place = tuple(slice(start, None if size is None else start + size) for start, size in extents)
            if tensor.dtype != part.dtype or tensor[place].shape != part.shape:
                raise ValueError(f"a slice of {name} has another shape")
            tensor[place], missing[place] = part, False
        if missing.any():
            raise ValueError(f"the slices of {name} do not fill it")
        return tensor

    def _slice(self, name: str, extents: Extents) -> _Entry:
        shape = self._entries[name.encode()].shape
        if len(extents) != len(shape):
            raise ValueError(f"a slice of {name} has other axes")
        lengths = [
            (start, whole if size is None else size) for (start, size), whole in zip(extents, shape, strict=True)
        ]
        entry = self._entries.get(_slice_key(name, lengths))
        if entry is None or entry.slices:
            raise ValueError(f"a slice of {name} is missing")
        return entry

    def _whole(self, name: str, entry: _Entry) -> Tensor | bytes:
        if entry.shard >= len(self._shards):
            raise ValueError(f"{name} lies in a shard that does not exist")
        if entry.dtype != _STRING and entry.size != _bytes(entry):
            raise ValueError(f"{name} has {entry.size} bytes, which its shape does not take")
        shard = self._shards[entry.shard]
        if entry.offset + entry.size > self._sizes[entry.shard]:
            raise InputError(f"is cut short: it lacks {name}", where=shard, fix=_AGAIN)
        with regular(shard).open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        summed, text = _strings(data, math.prod(entry.shape)) if entry.dtype == _STRING else (crc32c(data), b"")
        if masked(summed) != entry.checksum:
            raise InputError(f"is damaged: {name} has another checksum", where=shard, fix=_AGAIN)
        if entry.dtype == _STRING:
            return text
        tensor = torch.from_numpy(np.frombuffer(data, _DTYPES[entry.dtype]).reshape(entry.shape).copy())
        return tensor.view(torch.bfloat16) if entry.dtype == _BFLOAT16 else tensor


def _bytes(entry: _Entry) -> int:
    """Bytes that the shape of a tensor takes."""
    if entry.dtype not in _DTYPES:
        raise ValueError(f"TensorFlow's type {entry.dtype} is not supported")
    return math.prod(entry.shape) * np.dtype(_DTYPES[entry.dtype]).itemsize


def _slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """Return the key of a slice: zero, name, axes, start and length along each, in bytes that sort as they do."""
    escaped = name.encode().replace(b"\x00", b"\x00\xff")
    axes = len(extents).to_bytes(1, "big")
    numbers = b"".join(_ordered(number) for extent in extents for number in extent)
    return _OF_A_SLICE + escaped + b"\x00\x01" + (b"\x01" + axes if extents else b"\x00") + numbers


def _ordered(number: int) -> bytes:
    """Return a number in n bytes, of which the highest n bits are set and the next is its sign (n up to 8)."""
    count = number.bit_length() // 7 + 1
    return (number ^ (((1 << count) - 1) << (7 * count))).to_bytes(count, "big")


def _shards(index: Path, header: bytes) -> list[Path]:
    fields = dict(_fields(header))
    count = fields.get(1, 0)
    if not isinstance(count, int) or not 1 <= count <= _MOST_SHARDS:
        raise ValueError("it does not state its shards")
    if fields.get(2, 0) != 0:
        raise ValueError("it was written by a machine with the highest byte first")
    shards = [index.with_suffix(f".data-{number:05d}-of-{count:05d}") for number in range(count)]
    for shard in shards:
        if not regular(shard).is_file():
            raise InputError(f"names the shard {shard.name}, which is not beside it", where=index, fix=_AGAIN)
    return shards


def _entry(data: bytes) -> _Entry:
    numbers = {field: value for field, value in _fields(data) if isinstance(value, int)}
    shape = [size for message in _messages(data, 2) for size in _shape(message)]
    slices = tuple(tuple(_extent(extent) for extent in _messages(message, 1)) for message in _messages(data, 7))
    dtype, shard, offset, size, checksum = (numbers.get(field, 0) for field in (1, 3, 4, 5, 6))
    if len(shape) > _MOST_AXES:
        raise ValueError("a tensor has too many axes")
    return _Entry(dtype, tuple(shape), shard, offset, size, checksum, slices)


def _shape(data: bytes) -> Iterator[int]:
    """Sizes of a TensorShapeProto."""
    if dict(_fields(data)).get(3):
        raise ValueError("a tensor has no shape")
    for message in _messages(data, 2):
        size = dict(_fields(message)).get(1, 0)
        if not isinstance(size, int) or size >> 48:
            raise ValueError("an axis has no size")
        yield size


def _extent(data: bytes) -> tuple[int, int | None]:
    """Start and length of a TensorSliceProto along an axis."""
    numbers = {field: value for field, value in _fields(data) if isinstance(value, int)}
    return numbers.get(1, 0), numbers.get(2)


def _strings(data: bytes, count: int) -> tuple[int, bytes]:
    """Return the CRC-32C of a tensor of strings and their bytes, one after another.

    Their lengths come first, then the masked CRC-32C of the lengths, here as numbers of 32 bits, then the strings. The
    checksum of the tensor is that of the lengths as numbers, of the stored CRC-32C, and of the strings.
    """
    if count > len(data):
        raise ValueError("it is cut short")
    lengths, position = [], 0
    for _ in range(count):
        length, position = varint(data, position)
        lengths.append(length)
    if position + 4 + sum(lengths) != len(data) or any(length >> 32 for length in lengths):
        raise ValueError("its lengths do not fit")
    summed = crc32c(struct.pack(f"<{count}I", *lengths))
    stored = data[position : position + 4]
    if struct.pack("<I", masked(summed)) != stored:
        raise ValueError("its lengths have another checksum")
    text = data[position + 4 :]
    return crc32c(text, crc32c(stored, summed)), text


def _names(graph: bytes) -> dict[str, str]:
    """Return key -> name of the variable, from a TrackableObjectGraph.

    It holds nodes (1), these hold attributes (2), and these the full name (2) and the key (3).
    """
    names: dict[str, str] = {}
    for node in _messages(graph, 1):
        for attribute in _messages(node, 2):
            words = {field: value for field, value in _fields(attribute) if isinstance(value, bytes)}
            key, name = (words.get(field, b"").decode() for field in (3, 2))
            if key and name:
                names[key] = name.removesuffix(":0")
    return names


def _renamed(tensors: Mapping[str, Tensor | bytes], names: Mapping[str, str]) -> dict[str, Tensor | bytes]:
    """Give tensors the names of their variables where these tell them apart, others the place of their object."""
    full = {key: names.get(key) or key.removesuffix(_OF_A_VARIABLE) for key in tensors}
    counts = Counter(full.values())
    return {full[key] if counts[full[key]] == 1 else key: tensor for key, tensor in tensors.items()}


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    return (value for field, value in _fields(data) if field == number and isinstance(value, bytes))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a protocol buffer."""
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = varint(data, position)
            yield field, value
            continue
        if kind == 2:
            size, position = varint(data, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("a field is of an unknown kind")
        if position + size > len(data):
            raise ValueError("a field is cut short")
        piece = data[position : position + size]
        yield field, piece if kind == 2 else int.from_bytes(piece, "little")
        position += size
