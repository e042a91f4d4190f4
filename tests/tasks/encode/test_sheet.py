import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, STEPS, head, prepare
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.sheet import Sheet, peak
from vesalius.tasks.encode.slices import Slices
from vesalius.transforms.prepare import Prepare

SCAN = Scan.from_array(head(0, True), AFFINE)


def test_a_head_is_seen_through_the_brain_window_as_radiologists_do():
    image = np.full((24, 24, 3), -1000.0)
    image[4:20, 4:20] = 40.0
    image[16:19, 17:20, 1] = 80.0  # right, front of the patient: world axes are RAS
    scan = Scan.from_array(image, AFFINE)
    sheet = Sheet.of(scan, Slices.of(scan, prepare()), 1, (0.0, 80.0))
    assert sheet.window == (0.0, 80.0)
    assert sheet.caption == "slice 1, 0 to 80 HU"
    rows, columns = np.nonzero(sheet.picture_JI == 255)
    assert rows.max() < 12  # front at the top
    assert columns.max() < 12  # right on the left
    assert set(np.unique(sheet.picture_JI)) == {0, 128, 255}
    other = Sheet.of(scan, Slices.of(scan, prepare()), 1)
    assert other.window != sheet.window


def test_a_map_lies_where_its_patches_are():
    sheet = Sheet.of(SCAN, Slices.of(SCAN, prepare()), 2, (0.0, 80.0))
    assert sheet.covered == pytest.approx((-0.5, 23.5, -0.5, 23.5), abs=0.05)
    map_HW = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    spread = sheet.on_pixels(map_HW)
    assert spread.shape == (24, 24)
    assert spread[0, 0] == 0
    assert spread[23, 23] == 3
    middles = spread[[5, 6]][:, [17, 18]].mean()  # about the middle of the patch above on the right
    assert middles == pytest.approx(1.0, abs=0.05)
    assert peak(map_HW) == (1, 1)
    assert sheet.picture(map_HW, "logit", (1, 1)).startswith(b"\x89PNG")


@pytest.mark.parametrize(("size", "edges"), [(16, (3.5, 19.5)), (32, (-4.5, 27.5))])
def test_what_was_cropped_or_padded_is_known(size, edges):
    steps = ({"name": "center_fit", "size": [size, size]}, STEPS[0], *STEPS[1:])
    sheet = Sheet.of(SCAN, Slices.of(SCAN, prepare(steps)), 0)
    assert sheet.covered == pytest.approx((*edges, *edges), abs=0.05)
    spread = sheet.on_pixels(np.ones((2, 2), np.float32))
    assert np.isnan(spread).any() == (size == 16)
    assert np.nansum(spread) == (size**2 if size == 16 else 24**2)


def test_a_picture_in_colours_is_drawn_in_its_colours():
    """A single picture has no slice number."""
    picture = np.zeros((3, 1, 24, 24, 1), np.uint8)
    picture[0, 0, 4:8, 12:20] = 200  # columns 4 to 7, rows 12 to 19
    scan = Scan.from_array(picture, colour="rgb")
    sheet = Sheet.of(scan, Slices.of(scan, Prepare(layout="CJI")), 0)
    assert sheet.picture_JI.shape == (24, 24, 3)
    assert sheet.picture_JI[14, 5].tolist() == [200, 0, 0]
    assert sheet.caption == "0 to 255"
    assert sheet.on_pixels(np.ones((2, 2), np.float32)).shape == (24, 24)
    tile = sheet.tile("a", framed=True)
    assert (tile.caption, tile.framed, tile.pixel_aspect) == ("a", True, sheet.pixel_aspect)
    np.testing.assert_array_equal(tile.picture, sheet.picture_JI)
    assert sheet.picture(np.eye(2, dtype=np.float32), "logit", (0, 0)).startswith(b"\x89PNG")


def test_the_first_window_of_the_preparation_is_shown():
    window = {"name": "windows", "windows": [[40, 60], [80, 200]]}
    sheet = Sheet.of(SCAN, Slices.of(SCAN, prepare((window,))), 1)
    assert sheet.window == (10.0, 70.0)


def test_levels_are_drawn_from_black_to_white():
    """A radiograph that is prepared as its file shows it has levels from 0 to 1, whatever its stored values."""
    scan = Scan.from_array(np.linspace(0, 4000, 24 * 24, dtype=np.float32).reshape(24, 24, 1))
    sheet = Sheet.of(scan, Slices.of(scan, Prepare(layout="CJI", intensity="shown")), 0)
    assert (sheet.window, sheet.caption) == ((0.0, 1.0), "levels 0 to 1")
    assert (sheet.picture_JI.min(), sheet.picture_JI.max()) == (0, 255)
    assert 100 < np.median(sheet.picture_JI) < 155
