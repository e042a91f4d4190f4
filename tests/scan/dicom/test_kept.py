import numpy as np
from pydicom import dcmread

from dicom_making import TEST_FILES, placed, save_all
from vesalius.codec.options import CompressConfig
from vesalius.scan.dicom.kept import Attributes, is_counted
from vesalius.scan.dicom.series import find_series
from vesalius.tasks.compress.decompress import decompress, verify
from vesalius.tasks.compress.run import compress

SHADES = [np.full((4, 5), n, np.int16) for n in range(3)]


def series(folder, **attributes):
    return save_all([placed(x, (0, 0, n), number=n + 1, **attributes) for n, x in enumerate(SHADES)], folder)


def with_value(data):
    """Attributes of a data set that hold something, counted with pydicom alone."""
    return {element.tag for element in data if element.value not in (None, "") and element.keyword != "PixelData"}


def test_every_attribute_is_kept_left_out_or_has_another_value(tmp_path):
    series(tmp_path / "in", StudyDescription="words", KVP=120, PatientComments="")
    (written,) = compress([tmp_path / "in"], tmp_path / "a.vsl", CompressConfig(coder="deflate"), cache=tmp_path)[
        "written"
    ]
    (told,) = written["kept"]
    sources = [dcmread(path) for path in sorted((tmp_path / "in").iterdir())]
    decompress(tmp_path / "a.vsl", tmp_path / "out")
    stored = [dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    every = set.union(*map(with_value, sources))
    left_out = {tag for tag in every if any(tag not in with_value(data) for data in stored)}
    same = {
        tag
        for tag in every - left_out
        if all(one[tag].value == two[tag].value for one, two in zip(sources, stored, strict=True))
    }
    assert (told["kept"], told["changed"], told["left_out"]) == (len(same), len(every - left_out - same), len(left_out))
    assert min(told["kept"], told["changed"], told["left_out"]) > 2
    assert "--keep-identifiers" in told["cure"]
    again = verify(tmp_path / "a.vsl", tmp_path / "in")["kept"]
    assert again == [told]


def test_all_are_kept_with_identifiers(tmp_path):
    paths = series(tmp_path / "in", StudyDescription="words")
    (found,) = find_series(paths)
    native = found.open().native
    packed = native.pack("keep", None)
    (kept,) = packed.kept
    assert (kept.changed, kept.left_out, kept.cure) == (0, 0, "")
    assert kept.kept == len(with_value(dcmread(paths[0])))
    assert kept.words == f"attributes: {kept.kept} kept"
    assert native.kept(packed) == (kept,)


def test_a_value_that_one_instance_lacks_is_not_kept():
    source, stored = dcmread(TEST_FILES / "CT_small.dcm"), dcmread(TEST_FILES / "CT_small.dcm")
    counted = Attributes()
    counted.add(source, stored)
    whole = counted.count()
    stored.PatientName = ""
    stored.SOPInstanceUID = "1.2.3"
    del stored.KVP
    counted.add(source, stored)
    now = counted.count()
    assert (now.kept, now.changed, now.left_out) == (whole.kept - 3, 1, 2)


def test_pixels_and_group_lengths_are_no_attributes():
    assert [is_counted(tag) for tag in (0x00100010, 0x00090010, 0x7FE00010, 0x00080000, 0xFFFCFFFC)] == [
        True, True, False, False, False,
    ]  # fmt: skip
