import numpy as np
import pytest

from vesalius.app.slices import coloured, keep, keep_labels, on_page, picture, rgb
from vesalius.errors import InputError
from vesalius.scan.scan import Scan
from vesalius.transforms.view import to_view


def _scan():
    values = np.arange(6 * 5 * 3, dtype=np.int16).reshape(6, 5, 3)
    return Scan.from_array(values, np.diag([1.0, 1.0, 4.0, 1.0]))


def test_slices_come_back_as_the_view_shows_them(tmp_path):
    scan = _scan()
    shown, view = keep(scan, tmp_path)
    assert (shown.frames, shown.slices) == (1, 3)
    for k in range(3):
        assert np.array_equal(shown.values(0, k), to_view(scan, "upright")[k, 0])
    assert shown.labels(0, 0) is None
    assert shown.place(99, -4) == (0, 0)
    assert view.count == 3


def test_labels_lie_on_their_slices(tmp_path):
    scan = _scan()
    shown, _ = keep(scan, tmp_path)
    labels = np.zeros((6, 5, 3), np.uint8)
    labels[1, 2, 1], labels[4, 4, 2] = 7, 9
    label_map = Scan.from_array(labels, scan.affine)
    assert keep_labels(label_map, {"a": 7, "b": 9}, shown)
    assert [np.unique(shown.labels(0, k)).tolist() for k in range(3)] == [[0], [0, 1], [0, 2]]
    with_labels, without = picture(shown, 0, 1), picture(shown, 0, 1, opacity=0)
    assert without.min(axis=2).tolist() == without.max(axis=2).tolist()
    assert (with_labels != without).any()


def test_a_map_of_another_grid_is_not_shown(tmp_path):
    shown, _ = keep(_scan(), tmp_path)
    assert not keep_labels(Scan.from_array(np.zeros((6, 5, 4), np.uint8)), {"a": 1}, shown)


def test_pictures_have_square_pixels_and_a_size_for_the_page():
    assert on_page(np.zeros((10, 20), np.uint8), 2.0).shape == (384, 384)
    assert on_page(np.zeros((3000, 1500, 3), np.uint8)).shape == (1024, 512, 3)
    assert set(np.unique(on_page(np.eye(9, dtype=np.uint8) * 5, smooth=False))) == {0, 5}


def test_nan_is_black_and_windows_apply(tmp_path):
    values = np.full((8, 8, 1), 40.0, np.float32)
    values[0, 0] = np.nan
    shown, _ = keep(Scan.from_array(values), tmp_path)
    assert picture(shown, 0, 0, (0.0, 80.0)).max() == 128
    assert picture(shown, 0, 0, (0.0, 80.0)).min() == 0


def test_an_empty_scan_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pixel"):
        keep(Scan.from_array(np.zeros((4, 0, 2), np.int16)), tmp_path)


def test_classes_are_mixed_with_the_picture():
    mixed = coloured(np.full((1, 2, 3), 100, np.uint8), np.array([[0, 1]]), 0.5)
    assert mixed[0, 0].tolist() == [100, 100, 100]
    assert mixed[0, 1].tolist() == np.rint(50 + np.array(rgb(1)) / 2).tolist()
