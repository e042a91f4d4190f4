import numpy as np
import pytest
from PIL import Image

from tasks.evaluate.images.making import SIZE, generated_manifest, real_manifest, texture
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError
from vesalius.tasks.evaluate.images.pictures import (
    Cut,
    Source,
    box_of,
    levels,
    open_picture,
    read_side,
    sides_of,
    usual_size,
)


def test_levels_are_those_of_the_file(tmp_path):
    Image.fromarray(texture(0)).save(tmp_path / "c.png")
    Image.fromarray(texture(0)[..., 0]).save(tmp_path / "g.png")
    cohort = read_side("reference", tmp_path)
    colour, grey = (levels(open_picture(cohort, case)) for case in cohort)
    np.testing.assert_allclose(255 * colour.transpose(1, 2, 0), texture(0), atol=1e-3)
    assert grey.shape == (3, SIZE, SIZE)
    np.testing.assert_array_equal(grey[0], grey[2])
    assert usual_size(cohort) == (SIZE, SIZE)


def test_label_maps_beside_pictures_are_no_pictures(tmp_path):
    (tmp_path / "masks").mkdir()
    for name in ("a.png", "masks/a.png"):
        Image.fromarray(texture(0)).save(tmp_path / name)
    cohort = read_side("generated", tmp_path)
    assert [case.images for case in cohort] == [{"image": "a.png"}]
    assert cohort.notes[-1] == "1 label maps in the folder masks are left out"
    assert len(read_side("generated", tmp_path / "masks")) == 1


def test_a_manifest_with_paths_names_its_sources(tmp_path):
    real = real_manifest(tmp_path / "real", range(2), range(100, 102))
    made = generated_manifest(tmp_path / "made", [texture(5)] * 4, ["r100", "r100", "r101", "elsewhere"])
    sides = sides_of(
        read_side("generated", made), read_side("reference", real, "test"), read_side("train", real), "kind"
    )
    sources, reference = sides[0].sources, sides[1].sources
    assert sources["g0"] == sources["g1"] == reference["r100"] != sources["g2"]
    assert sources["g3"] == Source("elsewhere")
    assert sides[0].groups == {"g0": "red", "g1": "red", "g2": "blue", "g3": "unknown"}
    assert set(sides[2].sources) == {"r0", "r1"}  # the train split alone


def test_pictures_of_one_name_in_two_folders_are_two_sources(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(texture(0)).save(tmp_path / name / "x.png")
    generated, reference = sides_of(*(read_side("", tmp_path / name) for name in ("a", "b")), None, None)
    assert generated.sources["x"] != reference.sources["x"]


def test_patients_are_sources(tmp_path):
    cases = tuple(Case(id=f"c{n}", images={"image": "x.png"}, patient=f"p{n // 2}") for n in range(4))
    cohort = Cohort(cases, tmp_path)
    sides = sides_of(Cohort((), tmp_path), cohort, None, None)
    assert sides[1].sources["c0"] == sides[1].sources["c1"] == Source("p0", True)


def test_boxes_keep_the_aspect():
    assert box_of((100, 60), (30, 60)) == (slice(35, 65), slice(0, 60))
    down, right = box_of((64, 64), (32, 32), 0.25, (1.0, 0.0))
    assert (down, right) == (slice(32, 64), slice(0, 32))


def test_cuts_depend_on_the_case_alone():
    picture = texture(3).transpose(2, 0, 1).astype(np.float32) / 255
    cut = Cut((8, 8), 3, (0.2, 0.9), seed=1)
    first, again, other = (list(cut.of(picture, name)) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    (middle,) = Cut((12, 12)).of(picture, "a")
    assert middle.mean() == pytest.approx(picture.mean(), rel=0.02)


def test_volumes_and_several_images_are_refused(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((4, 4, 3)))
    case = Case(id="v", images={"image": "v.npy"})
    with pytest.raises(InputError, match="3 slices"):
        open_picture(Cohort((case,), tmp_path), case)
    case = Case(id="v", images={"t1": "a.png", "t2": "b.png"})
    with pytest.raises(InputError, match="a picture is one"):
        open_picture(Cohort((case,), tmp_path), case)
    with pytest.raises(InputError, match="no generated picture"):
        usual_size(Cohort((case,), tmp_path))
