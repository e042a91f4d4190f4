import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.scan.geometry import to_world
from vesalius.scan.slicer.metaimage import read

HEAD = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "0 0 0",
    "ElementSpacing": "1 1 1",
    "DimSize": "4 3 2",
    "ElementType": "MET_SHORT",
    "ElementDataFile": "LOCAL",
}
VALUES = np.arange(24, dtype="<i2").reshape(4, 3, 2, order="F")


DATA = VALUES.tobytes(order="F")


def write(path, data=DATA, **fields):
    head = {name: value for name, value in ({**HEAD, **fields}).items() if value is not None}
    head["ElementDataFile"] = head.pop("ElementDataFile")
    path.write_bytes("".join(f"{name} = {value}\n" for name, value in head.items()).encode() + data)
    return path


def random_image(sitk, shape, dtype, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    size = (*shape, channels) if channels > 1 else shape
    image = sitk.GetImageFromArray(rng.integers(0, 120, size).astype(dtype), isVector=channels > 1)
    axes = image.GetDimension()
    turn = np.eye(axes)
    spatial = min(axes, 3)
    turn[:spatial, :spatial] = np.linalg.qr(rng.normal(size=(spatial, spatial)))[0]
    image.SetDirection(turn.ravel())
    image.SetOrigin(rng.normal(size=axes) * 30)
    image.SetSpacing(rng.uniform(0.5, 3, size=axes))
    return image


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_values_and_world_equal_simpleitk(dtype, compressed, suffix, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image = random_image(sitk, (4, 5, 6), dtype)
    path = tmp_path / f"x{suffix}"
    sitk.WriteImage(image, str(path), compressed)
    scan = read(path)
    assert scan.dtype == np.dtype(dtype)
    assert np.array_equal(scan.stored()[0, 0], sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    assert np.array_equal(scan.stored(k=slice(1, 3)), scan.stored()[..., 1:3])
    for index in [(0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3), (5, 4, 3)]:
        lps = np.array(image.TransformIndexToPhysicalPoint(index))
        np.testing.assert_allclose(to_world(scan.affine, index), lps * [-1, -1, 1], atol=1e-4)
    assert scan.problems == ()


def test_channels(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image = random_image(sitk, (4, 5, 6), "u1", channels=3)
    sitk.WriteImage(image, str(tmp_path / "x.mha"))
    scan = read(tmp_path / "x.mha")
    assert scan.colour == "channels"
    assert np.array_equal(scan.stored()[:, 0], sitk.GetArrayFromImage(image).transpose(3, 2, 1, 0))


def test_frames(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image = random_image(sitk, (3, 4, 5, 6), "i2")
    sitk.WriteImage(image, str(tmp_path / "x.mha"))
    scan = read(tmp_path / "x.mha")
    assert scan.shape == (1, 3, 6, 5, 4)
    assert np.array_equal(scan.stored()[0], sitk.GetArrayFromImage(image).transpose(0, 3, 2, 1))
    assert (scan.frame_ms, scan.t_meaning) == (None, "unknown")
    index = (5, 4, 3, 0)
    lps = np.array(image.TransformIndexToPhysicalPoint(index))[:3]
    np.testing.assert_allclose(to_world(scan.affine, index[:3]), lps * [-1, -1, 1], atol=1e-4)


def test_a_flat_picture_has_no_place(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    image = random_image(sitk, (4, 5), "u1")
    image.SetSpacing((0.25, 2))
    sitk.WriteImage(image, str(tmp_path / "x.mha"))
    scan = read(tmp_path / "x.mha")
    assert scan.shape == (1, 1, 5, 4, 1)
    assert scan.geometry is None
    assert "0.25 x 2" in scan.problems[0]
    assert np.array_equal(scan.stored()[0, 0, :, :, 0], sitk.GetArrayFromImage(image).T)


@pytest.mark.parametrize("name", ["ElementByteOrderMSB", "BinaryDataByteOrderMSB"])
def test_big_endian(name, tmp_path):
    scan = read(write(tmp_path / "x.mha", VALUES.astype(">i2").tobytes(order="F"), **{name: "True"}))
    assert scan.dtype.str == ">i2"
    assert np.array_equal(scan.stored()[0, 0], VALUES)


def test_long_has_four_bytes(tmp_path):
    data = VALUES.astype("<i4").tobytes(order="F")
    assert np.array_equal(read(write(tmp_path / "x.mha", data, ElementType="MET_LONG")).stored()[0, 0], VALUES)


def test_text_values(tmp_path):
    words = " ".join(map(str, VALUES.ravel(order="F"))).encode()
    scan = read(write(tmp_path / "x.mha", words, BinaryData="False"))
    assert np.array_equal(scan.stored()[0, 0], VALUES)


def test_values_in_other_files(tmp_path):
    for number in range(2):
        (tmp_path / f"s{number + 5}.raw").write_bytes(b"head" + VALUES[..., number].tobytes(order="F"))
    names = {"s%d.raw 5 6 1": b"", "s%d.raw 5 6": b"", "LIST": b"s5.raw\ns6.raw\n"}
    for name, rest in names.items():
        for skip in ("4", "-1"):
            scan = read(write(tmp_path / "x.mhd", rest, ElementDataFile=name, HeaderSize=skip))
            assert np.array_equal(scan.stored()[0, 0], VALUES)


def test_other_names_of_the_fields(tmp_path):
    fields = {"Offset": None, "Position": "1 2 3", "ElementSpacing": None, "ElementSize": "2 2 5"}
    fields |= {"TransformMatrix": None, "Orientation": "0 1 0 1 0 0 0 0 1"}
    scan = read(write(tmp_path / "x.mha", **fields))
    np.testing.assert_array_equal(scan.affine, [[0, -2, 0, -1], [-2, 0, 0, -2], [0, 0, 5, 3], [0, 0, 0, 1]])


def test_what_is_not_stated_is_told(tmp_path):
    scan = read(write(tmp_path / "x.mha", Offset=None, ElementSpacing=None, TransformMatrix=None))
    assert len(scan.problems) == 3
    np.testing.assert_array_equal(scan.affine, np.diag([-1, -1, 1, 1]))


def test_intensity_function(tmp_path):
    fields = {"ElementToIntensityFunctionSlope": "2", "ElementToIntensityFunctionOffset": "-1024"}
    scan = read(write(tmp_path / "x.mha", Modality="MET_MOD_CT", **fields))
    np.testing.assert_array_equal(scan.values()[0, 0], VALUES * 2.0 - 1024)
    assert scan.modality == "CT"
    fields["ElementToIntensityFunctionSlope"] = "0"
    scan = read(write(tmp_path / "x.mha", **fields))
    assert scan.intensity.is_identity
    assert scan.problems


def test_a_singular_matrix_gives_no_geometry(tmp_path):
    scan = read(write(tmp_path / "x.mha", TransformMatrix="1 0 0 1 0 0 0 0 1"))
    assert scan.geometry is None
    assert "singular" in scan.problems[0]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"NDims": "2"}, "NDims"),
        ({"NDims": "5", "DimSize": "1 1 1 1 1"}, "NDims"),
        ({"DimSize": "4 0 2"}, "empty"),
        ({"DimSize": "4 x 2"}, "not hold numbers"),
        ({"ElementType": "MET_STRING"}, "MET_STRING"),
        ({"ElementNumberOfChannels": "0"}, "channels"),
        ({"Offset": "1 2"}, "do not fit"),
        ({"ElementDataFile": "absent.raw"}, "absent"),
        ({"ElementDataFile": "s%d.raw 1 1000000 1"}, "too many"),
        ({"ElementDataFile": "LIST"}, "names no file"),
        ({"HeaderSize": "-2"}, "header size"),
        ({"DimSize": "4 3 3"}, "promises 72 bytes"),
    ],
)
def test_damaged_headers_are_told_in_one_line(fields, what, tmp_path):
    with pytest.raises(InputError, match=what) as caught:
        read(write(tmp_path / "x.mha", b"" if "LIST" in fields.values() else DATA, **fields))
    assert len(str(caught.value).splitlines()) == 1


def test_not_a_metaimage(tmp_path):
    (tmp_path / "x.mha").write_bytes(b"\x89PNG....")
    with pytest.raises(InputError, match="not a MetaImage"):
        read(tmp_path / "x.mha")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "absent.mha")


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_is_one_line_or_values(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("meta") / "x.mha"
    if data.draw(st.booleans()):
        write(path, zlib.compress(VALUES.tobytes(order="F")), CompressedData="True")
    else:
        write(path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    said = ""
    try:
        scan = read(path)
        shape = scan.stored().shape
    except InputError as error:
        said = str(error)
    if said:
        assert len(said.splitlines()) == 1
    else:
        assert shape == scan.shape
