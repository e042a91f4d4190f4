import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cohort.audit.planted import write
from dicom_making import placed, save_all
from vesalius.cohort.audit.pixels import THUMB, _shrunk, look, missing_files, thumbnail
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.scan.reading import Reading


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


def short_axis(path, sform, pixdim=(1.56, 1.56, 10)):
    """A file whose sform and pixdim are what is given, each on its own."""
    image = nib.Nifti1Image(np.arange(60, dtype=np.uint8).reshape(3, 4, 5), None)
    image.header.set_sform(sform, 2)
    image.header["pixdim"][1:4] = pixdim
    image.header["qform_code"] = 0
    path.write_bytes(image.header.binaryblock[:108] + np.float32(352).tobytes() + image.header.binaryblock[112:])
    with path.open("ab") as file:
        file.write(bytes(4) + np.asarray(image.dataobj).tobytes(order="F"))


def test_two_spacings_are_an_error_until_a_choice_is_made(tmp_path):
    short_axis(tmp_path / "i.nii", np.diag([-1.0, -1, 1, 1]))
    files = {"images": {"image": "i.nii"}, "masks": {"mask": "i.nii"}}
    cases = [Case(id="open", **files), Case(id="made", **files, reading=Reading(spacing_from="pixdim"))]
    cohort = Cohort(tuple(cases), tmp_path)
    looked = [look(cohort, case) for case in cases]
    found = [(one.level, one.code) for one in looked[0].findings]
    assert found == [("error", "header-contradicts-itself")]  # once, though the mask has it too
    assert "1.56 x 1.56 x 10 mm by pixdim" in looked[0].findings[0].text
    assert [one.level for one in looked[1].findings] == ["note"]
    np.testing.assert_allclose(looked[1].spacing_mm, (1.56, 1.56, 10))


def test_masks_of_colours_are_reported(tmp_path):
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) // 20
    palette = Image.fromarray(labels).convert("P")
    palette.putdata(labels.ravel().tolist())
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    palette.save(tmp_path / "p.png")
    palette.convert("RGB").save(tmp_path / "c.png")
    Image.fromarray(labels * 9).save(tmp_path / "i.png")
    cases = [Case(id=name, images={"image": "i.png"}, masks={"mask": f"{name}.png"}) for name in "pc"]
    looked = [look(Cohort(tuple(cases), tmp_path), case) for case in cases]
    assert looked[0].values == {0, 1, 2}
    assert [(one.level, one.text) for one in looked[0].findings] == [
        ("note", "p: mask 'mask': the values are palette indices, not colours")
    ]
    assert [(one.level, one.text) for one in looked[1].findings] == [
        ("error", "c: mask 'mask' has 3 channels (rgb), but a label map has one")
    ]
