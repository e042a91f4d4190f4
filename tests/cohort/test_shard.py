import gzip
import io
import json
import shutil
import tarfile

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dicom_making import TEST_FILES
from vesalius.cohort.build import build_cohort
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.read import open_image, open_mask
from vesalius.cohort.shard import shard
from vesalius.errors import InputError, OutputError

VOLUME = np.random.default_rng(1).integers(-50, 50, (6, 5, 4)).astype(np.int16)


@pytest.fixture(autouse=True)
def _key(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("key")))


def nifti(path, kind=nib.Nifti1Image):
    image = kind(VOLUME, np.diag([2.0, 2, 3, 1]))
    image.header["descrip"] = b"Doe^Jane"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"born 1.2.1950"))
    nib.save(image, path)


@pytest.fixture
def cohort(tmp_path):
    (tmp_path / "series").mkdir()
    shutil.copy(TEST_FILES / "CT_small.dcm", tmp_path / "series")
    for n in range(6):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (400, 500)).astype(np.uint8)).save(
            tmp_path / f"{n}.png"
        )
    nifti(tmp_path / "v.nii.gz")
    np.savez(tmp_path / "a.npz", x=np.arange(24).reshape(2, 3, 4))
    cases = [Case(id=f"c.{n}", images={"image": f"{n}.png"}, split="train", labels={"any": n % 2}) for n in range(6)]
    cases += [
        Case(
            id="c-0",
            images={"t1": "v.nii.gz", "flair": "series"},
            masks={"mask": "a.npz#x/1"},
            split="test",
            caption="é",
        ),
        Case(id="loose", images={"image": "0.png"}),
    ]
    return Cohort(tuple(cases), tmp_path)


def content(paths):
    """Member -> bytes of all shards."""
    found = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar:
                assert member.name not in found
                found[member.name] = tar.extractfile(member).read()
    return found


def test_every_file_is_there_beside_what_is_known(cohort, tmp_path):
    paths = shard(cohort, tmp_path / "out", shard_mib=0.3)[0]
    assert sorted(path.name for path in paths) == [
        "all-000000.tar",
        "test-000000.tar",
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
    ]
    found = content(paths)
    for n in range(6):
        key = f"c-{n}"
        assert found[f"{key}.image.png"] == (tmp_path / f"{n}.png").read_bytes()
        told = json.loads(found[f"{key}.json"])
        assert told == {"id": f"c.{n}", "labels": {"any": n % 2}, "split": "train", "images": {"image": "image.png"}}
    told = json.loads(found["c-0-2.json"])  # the id "c-0" is the key of "c.0" already
    assert told["images"] == {"t1": "image-t1.nii.gz", "flair": "image-flair.*"}
    assert told["masks"] == {"mask": "mask.npy"}
    assert told["caption"] == "é"
    np.testing.assert_array_equal(np.load(io.BytesIO(found["c-0-2.mask.npy"])), np.arange(12, 24).reshape(3, 4))
    assert not list(tmp_path.glob(".*part*"))


def test_a_region_is_packed_as_png_without_a_header(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3)).astype(np.uint8)
    text = PngInfo()
    text.add_text("Comment", "Jane Doe")
    Image.fromarray(pixels).save(tmp_path / "x.png", pnginfo=text)
    Image.fromarray(pixels[..., 0].astype(np.float32)).save(tmp_path / "y.tif")
    case = Case(id="a", images={"image": "x.png#region/1,2,4,5"}, labels={"cell": 1})
    paths, notes = shard(Cohort((case,), tmp_path), tmp_path / "out")
    found = content(paths)
    assert json.loads(found["a.json"]) == {"id": "a", "labels": {"cell": 1}, "images": {"image": "image.png"}}
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(found["a.image.png"]))), pixels[2:7, 1:5])
    assert b"Jane" not in found["a.image.png"]
    assert notes == ["regions packed as PNG: 1 file(s)"]
    packed = build_cohort("webdataset", tmp_path / "out")
    assert (packed.cases[0].id, packed.cases[0].labels) == ("a", {"cell": 1})
    values = open_image(packed, packed.cases[0], "image").stored()[:, 0, :, :, 0]
    np.testing.assert_array_equal(values, pixels[2:7, 1:5].transpose(2, 1, 0))
    case = Case(id="a", images={"image": "y.tif#region/1,2,4,5"})
    with pytest.raises(InputError, match=r"y.tif: a region of it is no picture that PNG can hold; pack whole scans"):
        shard(Cohort((case,), tmp_path), tmp_path / "other")


def test_headers_are_reduced_and_values_are_not(cohort, tmp_path):
    paths, notes = shard(cohort, tmp_path / "out")
    found = content(paths)
    data = pydicom.dcmread(io.BytesIO(found["c-0-2.image-flair.00000.dcm"]))
    source = pydicom.dcmread(TEST_FILES / "CT_small.dcm")
    np.testing.assert_array_equal(data.pixel_array, source.pixel_array)
    assert str(source.PatientName) == "CompressedSamples^CT1"
    assert str(data.PatientName) == ""
    assert data.SeriesInstanceUID.startswith("2.25.")
    whole = b"".join(found.values())
    for secret in (b"CompressedSamples", source.SeriesInstanceUID.encode(), str(source.StudyDate).encode()):
        assert secret not in whole
    image = nib.Nifti1Image.from_bytes(gzip.decompress(found["c-0-2.image-t1.nii.gz"]))
    np.testing.assert_array_equal(image.get_fdata(), VOLUME)
    assert (bytes(image.header["descrip"].item()), len(image.header.extensions)) == (b"", 0)
    assert notes == [
        "DICOM headers reduced, UIDs hashed: 1 file(s)",
        "NIfTI text and extensions blanked: 1 file(s)",
        "packed unchanged, with their full headers: 7 file(s)",
    ]


def test_identifiers_are_kept_where_that_is_asked(cohort, tmp_path):
    paths, notes = shard(cohort, tmp_path / "out", keep_identifiers=True)
    found = content(paths)
    assert found["c-0-2.image-flair.00000.dcm"] == (TEST_FILES / "CT_small.dcm").read_bytes()
    assert found["c-0-2.image-t1.nii.gz"] == (tmp_path / "v.nii.gz").read_bytes()
    assert notes == ["packed unchanged, with their full headers: 9 file(s)"]


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_packed_is_read_again(tmp_path, keep):
    """A series among others in one folder, a NIfTI pair, a stack of pictures, a single DICOM without suffix."""
    folder = tmp_path / "in"
    folder.mkdir()
    for series in ("1.2.3", "1.2.4"):
        for k in range(3):
            data = pydicom.dcmread(TEST_FILES / "MR_small.dcm")
            data.SeriesInstanceUID, data.SOPInstanceUID = series, f"{series}.{k}"
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.InstanceNumber, data.ImagePositionPatient = k + 1, [0, 0, 5 * k]
            data.PatientName, data.PatientID = "Roe^Rita", "4711"
            data.save_as(folder / f"{series}-{2 - k}")
    (folder / "Roe.txt").write_text("Rita Roe")
    nifti(tmp_path / "p.img", nib.Nifti1Pair)
    (tmp_path / "stack").mkdir()
    for n in range(3):
        Image.fromarray(np.full((4, 5), n, np.uint8)).save(tmp_path / "stack" / f"Roe{n}.png")
    shutil.copy(folder / "1.2.3-0", tmp_path / "x")
    cases = (
        Case(id="s", series="1.2.4", images={"image": "in"}),
        Case(id="p", images={"image": "p.img"}),
        Case(id="k", images={"image": "stack"}),
        Case(id="x", images={"image": "x"}),
    )
    cohort = Cohort(cases, tmp_path)
    found = content(shard(cohort, tmp_path / "out", keep_identifiers=keep)[0])
    assert (b"Roe" in b"".join([*found.values(), *map(str.encode, found)])) is keep
    back = read_manifest(tmp_path / "out")
    assert sorted(name for name in found if name.startswith("s.")) == [
        "s.image.00000.dcm",
        "s.image.00001.dcm",
        "s.image.00002.dcm",
        "s.json",
    ]
    assert sorted(case.id for case in back) == ["k", "p", "s", "x"]
    by_id = {case.id: case for case in back}
    for old in cases:
        a, b = open_image(cohort, old, "image"), open_image(back, by_id[old.id], "image")
        np.testing.assert_array_equal(a.stored(), b.stored())
        assert a.spacing_mm == b.spacing_mm


def test_shards_are_packed_again(cohort, tmp_path):
    first = shard(cohort, tmp_path / "out", keep_identifiers=True)[0]
    again = shard(read_manifest(tmp_path / "out"), tmp_path / "again", keep_identifiers=True)[0]
    assert sorted(content(again).values()) == sorted(content(first).values())


def test_members_of_a_key_stand_together_and_bytes_repeat(cohort, tmp_path):
    one, other = (shard(cohort, tmp_path / name, seed=3)[0] for name in ("one", "other"))
    for a, b in zip(one, other, strict=True):
        assert a.read_bytes() == b.read_bytes()
        with tarfile.open(a) as tar:
            keys = [name.split(".")[0] for name in tar.getnames()]
        assert len([n for n in range(1, len(keys)) if keys[n] != keys[n - 1]]) + 1 == len(set(keys))
    assert one[0].read_bytes() != shard(cohort, tmp_path / "third", seed=4)[0][0].read_bytes()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("letter.txt", b"Dear Ms Doe", "letter.txt: no readable scan here"),
        ("fake.nii.gz", b"volume", "fake.nii.gz: "),
        ("half.png", None, "half.png: "),
        ("x.mhd", b"ObjectType = Image", "a header whose values lie in another file; make one file of it"),
    ],
)
def test_what_is_no_readable_scan_is_refused_in_a_line(cohort, tmp_path, name, data, message):
    (tmp_path / name).write_bytes((tmp_path / "0.png").read_bytes()[:9000] if data is None else data)
    cases = (*cohort.cases, Case(id="z", images={"image": "1.png"}, masks={"mask": name}))
    for keep in (False, True):
        with pytest.raises(InputError, match=message) as told:
            shard(Cohort(cases, tmp_path), tmp_path / "out", keep_identifiers=keep)
        assert "\n" not in str(told.value)
        assert not (tmp_path / "out").exists()


def test_nothing_is_half_written(cohort, tmp_path):
    (tmp_path / "3.png").unlink()
    with pytest.raises(InputError, match=r"3\.png: no such file"):
        shard(cohort, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*part*"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(OutputError, match="exists already"):
        shard(cohort, tmp_path / "full")


def test_the_series_uid_is_not_in_a_shard(cohort, tmp_path):
    """The packed files have other UIDs, so it would lead nowhere; a manifest of them needs none."""
    uid = str(pydicom.dcmread(TEST_FILES / "CT_small.dcm").SeriesInstanceUID)
    case = Case(id="a", series=uid, images={"image": "series"})
    path = write_manifest(Cohort((case,), tmp_path), tmp_path / "m.csv")
    assert uid.encode() not in shard(read_manifest(path), tmp_path / "out")[0][0].read_bytes()


def test_a_cohort_returns_with_all_its_fields(tmp_path):
    """Names in capitals, a frame, a palette mask, an item of an array, a whole array, regions: values are the same."""
    draw = np.random.default_rng(0)
    np.save(tmp_path / "whole.npy", draw.random((5, 4)).astype(np.float32))
    np.save(tmp_path / "many.npy", draw.integers(0, 9, (3, 5, 4)).astype(np.uint8))
    indexed = Image.fromarray(draw.integers(0, 3, (5, 4)).astype(np.uint8), "P")
    indexed.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    indexed.save(tmp_path / "p.png")
    Image.fromarray(draw.integers(0, 255, (5, 4, 3)).astype(np.uint8)).save(tmp_path / "rgb.png")
    cases = (
        Case(id="a.1", images={"T1": "whole.npy"}, labels={"x": 0.5}, facts={"age": 3}, patient="p", fold=2),
        Case(id="b", images={"image": "many.npy#array/1"}, masks={"ED": "p.png"}, frames={"ED": 0}, split="val"),
        Case(id="c", images={"image": "rgb.png#region/1,0,2,4"}, masks={"mask": "p.png#region/1,0,2,4"}, split="train"),
    )
    cohort = Cohort(cases, tmp_path)
    shard(cohort, tmp_path / "out")
    back = {case.id: case for case in read_manifest(tmp_path / "out")}
    root = Cohort(tuple(back.values()), tmp_path / "out")
    for case in cases:
        again = back[case.id]
        assert again.model_copy(update={"images": case.images, "masks": case.masks}) == case
        for opened, names in ((open_image, case.images), (open_mask, case.masks)):
            for name in names:
                old, new = opened(cohort, case, name), opened(root, again, name)
                assert (old.colour, old.shape) == (new.colour, new.shape)
                np.testing.assert_array_equal(old.stored(), new.stored())
