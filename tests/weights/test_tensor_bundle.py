import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from vesalius.errors import InputError
from vesalius.memory import set_limit
from vesalius.weights.crc32c import crc32c, masked
from vesalius.weights.tensor_bundle import _ordered, read_bundle
from weights.tables import table, varint

GOLDEN = Path(__file__).parent / "golden" / "remedis.zip"
"""Written by TensorFlow, with four shards and a kernel in slices; see make_remedis.py beside it."""


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    with zipfile.ZipFile(GOLDEN) as archive:
        archive.extractall(folder)
    return folder


def test_what_tensorflow_wrote_comes_back(saved_model):
    tensors, files = read_bundle(saved_model / "variables" / "variables.index")
    assert [path.name for path in files] == ["variables.index", *(f"variables.data-0000{n}-of-00004" for n in range(4))]
    with np.load(saved_model / "expected.npz") as expected:
        assert set(tensors) == set(expected.files) - {"images", "features"}
        for name, tensor in tensors.items():
            assert np.array_equal(tensor.numpy() * 8, expected[name]), name
            assert tensor.dtype == (torch.int64 if name == "global_step" else torch.float32)


def test_every_byte_of_a_shard_counts(saved_model, tmp_path):
    index = saved_model / "variables" / "variables.index"
    for path in index.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = tmp_path / "variables.data-00003-of-00004"
    sound = shard.read_bytes()
    for position in range(0, len(sound), 9973):
        shard.write_bytes(sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :])
        with pytest.raises(
            InputError, match=r"00003-of-00004: is damaged: .* has another checksum; get the folder again"
        ):
            read_bundle(tmp_path / index.name)
    shard.write_bytes(sound[:-1])
    with pytest.raises(InputError, match=r"00003-of-00004: is cut short: it lacks "):
        read_bundle(tmp_path / index.name)
    shard.unlink()
    with pytest.raises(InputError, match=r"names the shard variables.data-00003-of-00004, which is not beside it"):
        read_bundle(tmp_path / index.name)


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(dtype: int, shape: tuple[int, ...], data: bytes, offset: int = 0, **changed) -> bytes:
    given = {"shard": 0, "size": len(data), "crc": masked(crc32c(data))} | changed
    axes = b"".join(field(2, field(1, size)) for size in shape)
    numbers = field(1, dtype) + field(2, axes) + field(3, given["shard"]) + field(4, offset) + field(5, given["size"])
    return numbers + varint(6 << 3 | 5) + struct.pack("<I", given["crc"])


def bundle(folder: Path, entries: dict[bytes, bytes], data: bytes, header: bytes = field(1, 1)) -> Path:
    (folder / "a.data-00000-of-00001").write_bytes(data)
    (folder / "a.index").write_bytes(table({b"": header, **entries}))
    return folder / "a.index"


DTYPES = {
    1: torch.float32,
    2: torch.float64,
    3: torch.int32,
    4: torch.uint8,
    5: torch.int16,
    6: torch.int8,
    9: torch.int64,
    10: torch.bool,
    14: torch.bfloat16,
    19: torch.float16,
}


def test_kinds_of_numbers_in_a_compressed_index(tmp_path):
    data, entries, wanted = b"", {}, {}
    for number, dtype in DTYPES.items():
        tensor = torch.tensor([[1, 0, 3], [0, 1, 1]]).to(dtype)
        raw = tensor.view(torch.uint8).numpy().tobytes()
        entries[str(dtype).encode()] = entry(number, (2, 3), raw, len(data))
        wanted[str(dtype)] = tensor
        data += raw
    entries[b"scalar"] = entry(1, (), struct.pack("<f", 2.5), len(data))
    entries[b"empty"] = entry(1, (0, 4), b"")
    tensors, _ = read_bundle(bundle(tmp_path, entries, data + struct.pack("<f", 2.5)))
    assert all(
        torch.equal(tensors[name], tensor) and tensors[name].dtype == tensor.dtype for name, tensor in wanted.items()
    )
    assert tensors["scalar"].item() == 2.5
    assert tensors["empty"].shape == (0, 4)


def string_entry(text: bytes) -> tuple[bytes, bytes]:
    """A tensor of one string: its length, the checksum of the length, the string."""
    summed = crc32c(struct.pack("<I", len(text)))
    stored = struct.pack("<I", masked(summed))
    return varint(len(text)) + stored + text, struct.pack("<I", masked(crc32c(text, crc32c(stored, summed))))


def test_names_of_variables_where_they_tell_tensors_apart(tmp_path):
    raw = struct.pack("<f", 1.0)
    keys = [f"vars/{n}/.ATTRIBUTES/VARIABLE_VALUE" for n in range(4)]
    full = ["net/kernel:0", "bias", "bias", ""]
    attributes = [
        field(1, b"VARIABLE_VALUE") + field(2, name.encode()) + field(3, key.encode())
        for name, key in zip(full, keys, strict=True)
    ]
    graph = b"".join(field(1, field(2, attribute)) for attribute in attributes)
    text, crc = string_entry(graph)
    entries = {key.encode(): entry(1, (), raw) for key in keys}
    place = field(1, 7) + field(2, b"") + field(4, 4) + field(5, len(text)) + varint(6 << 3 | 5) + crc
    tensors, _ = read_bundle(bundle(tmp_path, entries | {b"_CHECKPOINTABLE_OBJECT_GRAPH": place}, raw + text))
    assert set(tensors) == {"net/kernel", keys[1], keys[2], "vars/3"}


def test_the_key_of_a_slice_has_ordered_numbers():
    """Two bytes from 64 on: the first two bits are set (OrderedCode of LevelDB's family)."""
    assert [_ordered(number).hex() for number in (0, 1, 63, 64, 128, 8191, 8192)] == [
        "80",
        "81",
        "bf",
        "c040",
        "c080",
        "dfff",
        "e02000",
    ]
    numbers = sorted({2**power + more for power in range(40) for more in (-1, 0, 1)} - {0})
    assert sorted(numbers, key=_ordered) == numbers


RAW = struct.pack("<2f", 1, 2)


@pytest.mark.parametrize(
    ("entries", "header", "reason"),
    [
        ({b"x": entry(1, (2,), RAW)}, field(1, 0), "it does not state its shards"),
        ({b"x": entry(1, (2,), RAW)}, field(1, 1) + field(2, 1), "with the highest byte first"),
        ({b"x": entry(1, (2,), RAW, shard=3)}, field(1, 1), "x lies in a shard that does not exist"),
        ({b"x": entry(1, (2, 1 << 40), RAW)}, field(1, 1), "x has 8 bytes, which its shape does not take"),
        ({b"x": entry(8, (2,), RAW)}, field(1, 1), "TensorFlow's type 8 is not supported"),
        ({b"x": entry(1, (2,), RAW, offset=5)}, field(1, 1), "is cut short: it lacks x"),
        ({b"x": entry(1, (2,), RAW, crc=7)}, field(1, 1), "is damaged: x has another checksum"),
        ({b"x": entry(1, (1 << 60,), RAW)}, field(1, 1), "an axis has no size"),
        ({b"x": field(1, 1) + field(2, field(3, 1))}, field(1, 1), "a tensor has no shape"),
        ({b"x": field(1, 1) + field(7, field(1, b""))}, field(1, 1), "a slice of x has other axes"),
        ({b"x": b"\x0a\x7f"}, field(1, 1), "a field is cut short"),
        ({b"x": b"\x0b"}, field(1, 1), "a field is of an unknown kind"),
        ({b"\xff": b""}, field(1, 1), "can't decode byte"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, entries, header, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read_bundle(bundle(tmp_path, entries, RAW, header))
    assert "\n" not in str(caught.value)


def sliced(
    parts: list[tuple[int, int | None]], *, stored: list[tuple[int, int]], values: bytes = RAW
) -> dict[bytes, bytes]:
    """Entries of x, four numbers, in these slices, where others may be stored."""
    extents = [field(7, field(1, field(1, start) + (b"" if size is None else field(2, size)))) for start, size in parts]
    whole = field(1, 1) + field(2, field(2, field(1, 4))) + b"".join(extents)
    keys = [b"\0x\0\1\1\1" + _ordered(start) + _ordered(size) for start, size in stored]
    return {b"x": whole} | {key: entry(1, (2,), values) for key in keys}


def test_slices_are_put_together(tmp_path):
    tensors, _ = read_bundle(bundle(tmp_path, sliced([(0, 2), (2, 2)], stored=[(0, 2), (2, 2)]), RAW))
    assert tensors["x"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("parts", "stored", "reason"),
    [
        ([(0, 2)], [(0, 2)], "the slices of x do not fill it"),
        ([(0, 2), (1, 2)], [(0, 2), (1, 2)], "the slices of x do not fill it"),
        ([(0, 2), (2, 2)], [(0, 2)], "a slice of x is missing"),
        ([(0, 2), (3, 2)], [(0, 2), (3, 2)], "a slice of x has another shape"),
        ([(0, 2), (0, None)], [(0, 2), (0, 4)], "a slice of x has another shape"),
    ],
)
def test_slices_that_do_not_fit(tmp_path, parts, stored, reason):
    with pytest.raises(InputError, match=reason):
        read_bundle(bundle(tmp_path, sliced(parts, stored=stored), RAW))


def test_what_does_not_fit_into_memory_is_refused(tmp_path):
    path = bundle(tmp_path, {b"x": entry(1, (1 << 30,), b"", size=1 << 32)}, RAW)
    set_limit("1GiB")
    try:
        with pytest.raises(InputError, match=r"8\.0 GiB of memory, 1\.0 GiB are allowed"):
            read_bundle(path)
    finally:
        set_limit(None)
