import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.scan.geometry import to_world
from vesalius.scan.slicer.flat_pixels import number_into
from vesalius.scan.slicer.nrrd import _read_header, read

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float", "double"]
LPS = {"space": "left-posterior-superior"}
SIGNS = {
    "right-anterior-superior": (1, 1, 1),
    "LAS": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "LPS": (-1, -1, 1),
}
MINIMAL = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: big\nencoding: raw\n"


def write(path, array, fields, encoding="raw", endian="little", extra=""):
    """An NRRD file written by hand; `array` has its axes in the file's order, fastest first."""
    encode = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    lines = [f"type: {fields.pop('type', 'short')}", f"dimension: {array.ndim}"]
    lines += [f"sizes: {' '.join(map(str, array.shape))}", f"endian: {endian}", f"encoding: {encoding}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    head = "NRRD0005\n" + "\n".join(lines) + "\n" + extra + "\n"
    path.write_bytes(head.encode() + encode(array.tobytes(order="F")))
    return path


def numbers(shape, dtype="<i2"):
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape, order="F")


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ASCII"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_values_equal_pynrrd(dtype, encoding, tmp_path):
    nrrd = pytest.importorskip("nrrd")
    rng = np.random.default_rng(3)
    array = rng.integers(0, 120, (4, 3, 5)).astype(dtype)
    for detached in (False, True):
        path = tmp_path / ("x.nhdr" if detached else "x.nrrd")
        nrrd.write(str(path), array, {"encoding": encoding}, detached_header=detached)
        expected, _ = nrrd.read(str(path))
        scan = read(path)
        assert scan.dtype == expected.dtype
        assert np.array_equal(scan.stored()[0, 0], expected)
        assert np.array_equal(scan.stored(k=slice(2, 4))[0, 0], expected[..., 2:4])
        assert scan.geometry is None
        assert "no patient space" in " ".join(scan.problems)


@pytest.mark.parametrize("dtype", [">i2", ">f8", ">u4"])
def test_big_endian_keeps_its_byte_order(dtype, tmp_path):
    array = numbers((3, 4, 2), dtype)
    names = {">i2": "int16", ">f8": "double", ">u4": "uint"}
    scan = read(write(tmp_path / "x.nrrd", array, {"type": names[dtype]}, endian="big"))
    assert scan.dtype.str == dtype
    assert np.array_equal(scan.stored()[0, 0], array)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_world_points_equal_simpleitk(channels, compressed, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(5)
    shape = (4, 5, 6) + ((channels,) if channels > 1 else ())
    image = sitk.GetImageFromArray(rng.integers(-99, 99, shape).astype(np.int16), isVector=channels > 1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    image.SetDirection(turn.ravel())
    image.SetOrigin((3.5, -20, 7))
    image.SetSpacing((0.5, 2, 3))
    sitk.WriteImage(image, str(tmp_path / "x.nrrd"), compressed)
    scan = read(tmp_path / "x.nrrd")
    assert scan.shape == (channels, 1, 6, 5, 4)
    for index in [(0, 0, 0), (5, 0, 0), (0, 4, 0), (0, 0, 3), (5, 4, 3)]:
        lps = np.array(image.TransformIndexToPhysicalPoint(index))
        np.testing.assert_allclose(to_world(scan.affine, index), lps * [-1, -1, 1], atol=1e-6)
        pixel = image.GetPixel(*index)
        assert scan.stored()[:, 0, *index].tolist() == (list(pixel) if channels > 1 else [pixel])


@pytest.mark.parametrize("space", SIGNS)
def test_patient_spaces_are_turned_to_ras(space, tmp_path):
    fields = {"space": space, "space directions": "(2,0,0) (0,1,3) (0,-4,1)", "space origin": "(10,20,30)"}
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), fields))
    expected = np.eye(4)
    expected[:3] = np.array([[2, 0, 0, 10], [0, 1, -4, 20], [0, 3, 1, 30]]) * np.array(SIGNS[space])[:, None]
    np.testing.assert_array_equal(scan.affine, expected)
    assert scan.problems == ()


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed", None])
def test_a_space_that_does_not_say_where_the_patient_lies_gives_no_geometry(space, tmp_path):
    fields = {"space directions": "(2,0,0) (0,1,0) (0,0,4)", "space origin": "(1,2,3)"}
    fields |= {"space": space} if space else {"space dimension": "3"}
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), fields))
    assert scan.geometry is None
    assert "2 x 1 x 4" in scan.problems[0]


def test_spacings_alone_are_only_told(tmp_path):
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), {"spacings": "0.5 0.5 3"}))
    assert scan.geometry is None
    assert "0.5 x 0.5 x 3" in scan.problems[0]


def test_units_of_the_space(tmp_path):
    fields = LPS | {"space directions": "(1,0,0) (0,1,0) (0,0,1)", "space origin": "(0,0,1)"}
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), fields | {"space units": '"cm" "cm" "cm"'}))
    assert scan.spacing_mm == (10, 10, 10)
    assert scan.affine[2, 3] == 10
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), fields | {"space units": '"ell" "ell" "ell"'}))
    assert scan.geometry is None


@pytest.mark.parametrize(
    "directions", ["(0,0,0) (0,1,0) (0,0,1)", "(1,0,0) (1,0,0) (0,0,1)", "(nan,0,0) (0,1,0) (0,0,1)"]
)
def test_broken_directions(directions, tmp_path):
    fields = LPS | {"space directions": directions, "space origin": "(0,0,0)"}
    scan = read(write(tmp_path / "x.nrrd", numbers((2, 3, 4)), fields))
    assert scan.geometry is None
    assert scan.problems


def test_a_single_slice_has_its_place(tmp_path):
    fields = LPS | {"space directions": "(0,2,0) (0,0,-3)", "space origin": "(5,6,7)"}
    scan = read(write(tmp_path / "x.nrrd", numbers((4, 3)), fields))
    assert scan.shape == (1, 1, 4, 3, 1)
    np.testing.assert_allclose(to_world(scan.affine, [3, 2, 0]), [-5, -12, 1])


def test_time_axis_of_the_space(tmp_path):
    fields = {
        "space": "left-posterior-superior-time",
        "space directions": "(2,0,0,0) (0,2,0,0) (0,0,2,0) (0,0,0,40)",
        "space origin": "(0,0,0,0)",
        "space units": '"mm" "mm" "mm" "ms"',
        "kinds": "domain domain domain time",
    }
    scan = read(write(tmp_path / "x.nrrd", numbers((3, 4, 5, 6)), fields))
    assert scan.shape == (1, 6, 3, 4, 5)
    assert scan.frame_ms == (0, 40, 80, 120, 160, 200)
    assert scan.t_meaning == "time"
    assert scan.orientation == "LPS"


def test_time_axis_first_with_its_own_unit(tmp_path):
    fields = LPS | {"space directions": "none (1,0,0) (0,1,0) (0,0,1)", "space origin": "(0,0,0)"}
    fields |= {"kinds": "time domain domain domain", "spacings": "0.5 nan nan nan", "units": '"s" "" "" ""'}
    array = numbers((3, 2, 4, 5))
    scan = read(write(tmp_path / "x.nrrd", array, fields))
    assert scan.frame_ms == (0, 500, 1000)
    assert np.array_equal(scan.stored()[0, 1], array[1])
    del fields["units"]
    scan = read(write(tmp_path / "x.nrrd", array, fields))
    assert scan.frame_ms is None
    assert scan.t_meaning == "time"
    assert "the time unit or the frame interval is not stated" in scan.problems


def test_gradients_are_diffusion(tmp_path):
    fields = LPS | {"space directions": "(1,0,0) (0,1,0) (0,0,1) none", "space origin": "(0,0,0)"}
    fields |= {"kinds": "domain domain domain list"}
    extra = "modality:=DWMRI\nDWMRI_b-value:=1000\nDWMRI_gradient_0000:=0 0 0\n"
    scan = read(write(tmp_path / "x.nrrd", numbers((3, 4, 5, 6)), fields, extra=extra))
    assert (scan.shape, scan.t_meaning, scan.modality) == ((1, 6, 3, 4, 5), "diffusion", "MR")
    assert scan.frame_ms is None


def test_multi_volume_times(tmp_path):
    fields = LPS | {"space directions": "none (1,0,0) (0,1,0) (0,0,1)", "space origin": "(0,0,0)"}
    fields |= {"kinds": "list domain domain domain"}
    extra = "MultiVolume.FrameLabels:=0,31.5,70\nMultiVolume.FrameIdentifyingDICOMTagName:=TriggerTime\n"
    extra += "MultiVolume.FrameIdentifyingDICOMTagUnits:=ms\n"
    scan = read(write(tmp_path / "x.nrrd", numbers((3, 2, 4, 5)), fields, extra=extra))
    assert (scan.frame_ms, scan.t_meaning) == ((0, 31.5, 70), "time")
    scan = read(write(tmp_path / "x.nrrd", numbers((3, 2, 4, 5)), fields, extra=extra.replace("Trigger", "Echo")))
    assert (scan.frame_ms, scan.t_meaning) == (None, "echo")


@pytest.mark.parametrize(
    ("kinds", "shape", "expected", "colour"),
    [
        ("RGB-color domain domain domain", (3, 2, 4, 5), (3, 1, 2, 4, 5), "rgb"),
        ("vector domain domain domain", (3, 2, 4, 5), (3, 1, 2, 4, 5), "channels"),
        ("domain domain domain 3D-symmetric-matrix", (2, 4, 5, 6), (6, 1, 2, 4, 5), "channels"),
        ("domain domain RGBA-color", (2, 4, 4), (4, 1, 2, 4, 1), "channels"),
        ("list domain domain domain list", (2, 3, 4, 5, 6), (12, 1, 3, 4, 5), "channels"),
        ("domain domain domain", (2, 3, 4), (1, 1, 2, 3, 4), "grey"),
        ("domain domain domain domain", (2, 3, 4, 5), (1, 5, 2, 3, 4), "grey"),
        ("??? ??? ??? ???", (2, 3, 4, 5), (1, 5, 2, 3, 4), "grey"),
    ],
)
def test_kinds_decide_about_the_axes(kinds, shape, expected, colour, tmp_path):
    scan = read(write(tmp_path / "x.nrrd", numbers(shape), {"kinds": kinds}))
    assert (scan.shape, scan.colour) == (expected, colour)


def test_labelled_frames_are_t(tmp_path):
    fields = {"kinds": "list domain domain domain", "labels": '"frame" "" "" ""'}
    scan = read(write(tmp_path / "x.nrrd", numbers((3, 2, 4, 5)), fields))
    assert scan.shape == (1, 3, 2, 4, 5)
    assert any("read as T" in problem for problem in scan.problems)


def test_slices_in_files_of_their_own(tmp_path):
    array = numbers((4, 3, 2))
    for number in range(2):
        (tmp_path / f"s{number:02d}.raw").write_bytes(array[..., number].tobytes(order="F"))
    head = "NRRD0005\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n"
    (tmp_path / "x.nhdr").write_text(head + "data file: s%02d.raw 0 1 1\n")
    assert np.array_equal(read(tmp_path / "x.nhdr").stored()[0, 0], array)


def test_too_few_values(tmp_path):
    path = write(tmp_path / "x.nrrd", numbers((4, 3, 2)), {})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="promises 48 bytes"):
        read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "absent.nrrd")
    with pytest.raises(InputError, match="two axes"):
        read(write(tmp_path / "x.nrrd", numbers((4,)), {}))


@settings(max_examples=150)
@given(st.data())
def test_a_mutated_file_is_one_line_or_values(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("nrrd") / "x.nrrd"
    fields = LPS | {"space directions": "(1,0,0) (0,1,0) (0,0,1) none", "space origin": "(0,0,0)"}
    fields |= {"kinds": "domain domain domain time", "units": '"" "" "" "s"', "spacings": "nan nan nan 2"}
    encoding = data.draw(st.sampled_from(["raw", "gzip", "bzip2"]))
    whole = bytearray(write(path, numbers((3, 4, 2, 2)), fields, encoding=encoding).read_bytes())
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


def header(tmp_path: Path, text: str, data: bytes = b""):
    path = tmp_path / "head.nhdr"
    path.write_bytes(text.encode() + data)
    return _read_header(path)


def test_fields_and_pairs(tmp_path):
    text = (
        MINIMAL.replace("\n", "\r\n")
        + '# said: twice\r\ncontent: a: b\r\nlabels: "x axis" "y" "z"\r\nkey:=value: with\r\n\r\n'
    )
    found = header(tmp_path, text, b"1234")
    assert found.sizes == (4, 3, 2)
    assert found.dtype == np.dtype(">i2")
    assert found.encoding == "raw"
    assert found.fields["content"] == "a: b"
    assert found.pairs == {"key": "value: with"}
    assert found.words("labels") == ["x axis", "y", "z"]
    assert found.words("kinds") == ["", "", ""]
    assert found.length == len(text)


def test_vectors(tmp_path):
    found = header(tmp_path, MINIMAL + "space directions: none (1, -2.5e0,0)  none (0,0,1)\n\n")
    first, second, third, fourth = found.vectors("spacedirections")
    assert first is None
    assert third is None
    assert second.tolist() == [1, -2.5, 0]
    assert fourth.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("NRRD0004", "NRRDXXXX", "is not an NRRD file"),
        ("sizes: 4 3 2", "sizes: 4 3", "do not agree"),
        ("sizes: 4 3 2", "sizes: 4 3 two", "does not hold numbers"),
        ("sizes: 4 3 2", "sizes: 4 0 2", "empty"),
        ("sizes: 4 3 2", "sizes: 4 -3 2", "empty"),
        ("dimension: 3", "dimension: 2", "do not agree"),
        ("type: short", "type: block", "'block'"),
        ("endian: big", "content: x", "byte order"),
        ("endian: big", "endian: middle", "byte order"),
        ("encoding: raw", "encoding: zip", "'zip'"),
        ("encoding: raw", "encoding: raw\nencoding: raw", "twice"),
        ("encoding: raw", "encoding: raw\nnonsense", "line 7 is not a field"),
        ("encoding: raw", "encoding: raw\nline skip: -1", "impossible"),
        ("encoding: raw", "encoding: gzip\nbyte skip: -1", "impossible"),
        ("encoding: raw", "encoding: raw\ndata file: x%d.raw 1 1000000 1", "too many"),
        ("encoding: raw", "encoding: raw\ndata file: LIST", "names no file"),
        ("encoding: raw", "encoding: raw\nspace directions: (a,b)", "not hold vectors"),
        ("encoding: raw", 'encoding: raw\nkinds: "open', "unclosed quote"),
    ],
)
def test_damaged_headers_are_told_in_one_line(old, new, what, tmp_path):
    def use():
        found = header(tmp_path, MINIMAL.replace(old, new) + "\n")
        found.pieces(found.dtype.itemsize * int(np.prod(found.sizes)))
        found.vectors("spacedirections")
        found.words("kinds")

    with pytest.raises(InputError, match=what) as caught:
        use()
    assert "head.nhdr" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_where_the_values_lie(tmp_path):
    (tmp_path / "one.raw").write_bytes(b"first\nsecond\n" + bytes(48))
    cases = {
        "": ["head.nhdr"],
        "data file: one.raw\n": ["one.raw"],
        "datafile: a%03d.raw 8 12 2\n": ["a008.raw", "a010.raw", "a012.raw"],
        "data file: a%d.raw 3 1 -1\n": ["a3.raw", "a2.raw", "a1.raw"],
        "data file: LIST 2\nx.raw\ny.raw\n": ["x.raw", "y.raw"],
    }
    for text, names in cases.items():
        assert [piece.path.name for piece in header(tmp_path, MINIMAL + text).pieces(48)] == names
    (lines,) = header(tmp_path, MINIMAL + "data file: one.raw\nline skip: 2\nbyte skip: 4\n").pieces(48)
    assert (lines.offset, lines.skip) == (13, 4)
    (end,) = header(tmp_path, MINIMAL + "data file: one.raw\nbyte skip: -1\n").pieces(48)
    assert (end.offset, end.skip) == (13, 0)


@pytest.mark.parametrize(
    ("pattern", "shown"), [("a%d.x", "a7.x"), ("a%03d.x", "a007.x"), ("a%3d.x", "a  7.x"), ("plain", "plain")]
)
def test_numbers_in_names(pattern, shown):
    assert number_into(pattern, 7) == shown
