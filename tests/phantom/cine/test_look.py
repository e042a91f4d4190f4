import numpy as np
import pytest
from scipy import ndimage

from vesalius.errors import ConfigError
from vesalius.phantom.cine.look import PLAIN, cut_out, draw_look
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.patient import cine_patient
from vesalius.seeding import generator

SMALL = {"size": 64, "frames": 8}


def test_looks_differ_within_their_limits_and_not_at_all_without_variety():
    assert draw_look(0.0, generator("look", 0)) == PLAIN
    looks = [draw_look(1.0, generator("look", n)) for n in range(100)]
    muscles = [look.muscle for look in looks]
    assert 0.6 <= min(muscles) < 0.7
    assert 1.5 < max(muscles) <= 1.7
    halves = [draw_look(0.5, generator("look", n)).muscle for n in range(100)]
    np.testing.assert_allclose(np.square(halves), muscles)


def test_variety_changes_the_signals_and_no_volume():
    thick = {"size": 128, "frames": 8, "noise": 0, "groups": ["HCM"]}
    plain, varied = (cine_patient(CineOptions.build(**thick, variety=variety), "patient001") for variety in (0, 1))
    assert plain.facts["requested"] == varied.facts["requested"]
    assert varied.facts["measured"]["lv_ef"] == pytest.approx(plain.facts["measured"]["lv_ef"], abs=0.02)
    ratios = []
    for made in (plain, varied):
        k = made.image_TIJK.shape[3] // 2
        image, labels = made.image_TIJK[0, ..., k].astype(float), made.labels_TIJK[0, ..., k]
        muscle, blood = (ndimage.binary_erosion(labels == value, iterations=2) for value in (2, 3))
        ratios.append(np.median(image[muscle]) / np.median(image[blood]))
    look = draw_look(1.0, generator(0, "cine", "patient001", "look"))
    assert abs(np.log(look.muscle)) > 0.1
    assert np.log(ratios[1] / ratios[0]) == pytest.approx(np.log(look.muscle), abs=0.15)


def test_a_cut_out_is_a_part_of_the_whole_picture_in_its_place():
    whole = cine_patient(CineOptions.build(**SMALL), "patient002")
    part = cine_patient(CineOptions.build(**SMALL, crop=[32, 40]), "patient002")
    assert all(32 <= side <= 40 for side in part.image_TIJK.shape[1:3])
    assert part.labels_TIJK.shape == part.image_TIJK.shape
    first = np.linalg.inv(whole.affine) @ part.affine @ [0, 0, 0, 1]
    i, j, k = np.rint(first[:3]).astype(int)
    np.testing.assert_allclose(first[:3], [i, j, k], atol=1e-6)
    assert k == 0
    box = np.s_[:, i : i + part.image_TIJK.shape[1], j : j + part.image_TIJK.shape[2]]
    np.testing.assert_array_equal(whole.image_TIJK[box], part.image_TIJK)
    np.testing.assert_array_equal(whole.labels_TIJK[box], part.labels_TIJK)


def test_a_cut_out_keeps_the_left_ventricle():
    labels = np.zeros((2, 60, 60, 1), np.uint8)
    labels[:, 5:40, 20:50] = 1
    labels[:, 30:40, 25:45] = 3
    boxes = [cut_out(labels, (24, 30), generator("box", n)) for n in range(50)]
    for columns, rows in boxes:
        assert 24 <= columns.stop - columns.start <= 30
        assert (labels[:, columns, rows] == 3).sum() == (labels == 3).sum()
    assert len({(columns.start, rows.start) for columns, rows in boxes}) > 10
    assert cut_out(labels, (80, 90), generator("box")) == (slice(0, 60), slice(0, 60))


@pytest.mark.parametrize("crop", [[8, 40], [50, 40]])
def test_sides_that_make_no_sense_are_one_line(crop):
    with pytest.raises(ConfigError, match="crop"):
        CineOptions.build(crop=crop)
