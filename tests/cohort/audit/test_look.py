import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.audit.planted import write
from dicom_making import placed, save_all
from vesalius.cohort.audit.look import THUMB, _shrunk, look, missing_files, thumbnail
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort


def shrunk_slowly(picture, size):
    """Mean of the part of the picture that each pixel of the small one covers, pixel by pixel."""
    fine = np.kron(picture, np.ones((size, size)))  # every pixel cut into size x size
    a, b = picture.shape
    return fine.reshape(size, a, size, b).mean(axis=(1, 3))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 99))
def test_shrinking_keeps_the_mean_of_every_place(a, b, seed):
    picture = np.random.default_rng(seed).random((a, b))
    np.testing.assert_allclose(_shrunk(picture), shrunk_slowly(picture, THUMB), atol=1e-9)


def test_a_thumbnail_does_not_see_brightness_and_scale():
    picture = np.random.default_rng(0).random((1, 1, 64, 64, 1)).astype(np.float32)
    one = thumbnail(picture)
    np.testing.assert_allclose(np.linalg.norm(one), 1, rtol=1e-5)
    np.testing.assert_allclose(thumbnail(picture * 5 - 9), one, atol=1e-4)
    np.testing.assert_allclose(thumbnail(np.repeat(np.repeat(picture, 3, 2), 3, 3)), one, atol=1e-4)
    assert thumbnail(np.full((1, 1, 9, 9, 1), 3.0, np.float32)) is None
    assert thumbnail(np.random.default_rng(0).random((1, 2, 9, 8, 7))).size == 3 * THUMB**2
    assert thumbnail(np.random.default_rng(0).random((1, 1, 9, 1, 1))).size == THUMB**2


def test_values_count_and_not_how_they_are_stored(tmp_path):
    array = np.random.default_rng(0).integers(0, 99, (6, 5, 4))
    write(tmp_path / "a.nii", array.astype(np.int16))
    write(tmp_path / "b.nii.gz", array.astype(np.float32))
    write(tmp_path / "c.nii", array.reshape(5, 6, 4).astype(np.int16))
    cases = [Case(id=name, images={"image": name}) for name in ("a.nii", "b.nii.gz", "c.nii")]
    cohort = Cohort(tuple(cases), tmp_path)
    a, b, c = (look(cohort, case).prints["image"] for case in cases)
    assert a == b
    assert a != c


@pytest.mark.parametrize(
    ("present", "codes"),
    [("", ["missing-image", "missing-mask"]), ("m", ["mask-without-image"]), ("i", ["missing-mask"]), ("im", [])],
)
def test_what_is_missing(tmp_path, present, codes):
    for name in present:
        (tmp_path / name).write_bytes(b"x")
    case = Case(id="a", images={"image": "i"}, masks={"mask": "m"})
    assert [one.code for one in missing_files(Cohort((case,), tmp_path), case)] == codes


def test_a_series_that_lost_a_slice_is_an_error(tmp_path):
    paths = save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(3)], tmp_path / "in")
    paths[1].write_bytes(b"")
    case = Case(id="a", images={"image": "in"}, series="50")
    (found,) = [one for one in look(Cohort((case,), tmp_path), case).findings if one.level == "error"]
    assert found.code == "unreadable-file"
    assert found.text.endswith(f"1 file in its folder cannot be read and may be of this scan: {paths[1].name}")
