import numpy as np
import pytest

from vesalius.report.scan_viewer import ScanStacks, frame_step_ms, kept_slices, windows_of
from vesalius.report.viewer import LEAST_SIDE, MOST_PIXELS
from vesalius.scan.scan import Scan
from vesalius.transforms.view import to_view

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def test_pictures_and_labels_lie_upright_in_the_order_of_the_file():
    values = np.random.default_rng(0).integers(0, 99, (2, 12, 10, 4)).astype(np.int16)
    scan = Scan.from_array(values[None], AFFINE)
    seen = ScanStacks.of(scan, 1)
    (stack,) = seen.stacks
    assert (stack.pictures.shape, seen.names, list(seen.slices)) == ((2, 4, 10, 12), [], [0, 1, 2, 3])
    shown = to_view(scan, "upright")[:, 0].reshape(2, 4, 10, 12)
    assert np.array_equal(seen.turned(scan, values), shown)
    order = shown[1, 2].ravel().argsort()
    assert (np.diff(stack.pictures[1, 2].ravel()[order].astype(int)) >= 0).all()


def test_many_slices_are_thinned_around_the_wanted_one():
    kept = kept_slices(2000, 777)
    assert 777 in kept
    assert len(kept) * LEAST_SIDE**2 <= MOST_PIXELS
    assert kept_slices(12, 5, frames=20) == range(12)


def test_only_hounsfield_units_have_common_windows():
    scan = Scan.from_array(np.zeros((4, 4, 2), np.int16), AFFINE)
    assert list(windows_of(scan)) == ["automatic"]
    assert list(windows_of(scan, (0.0, 80.0), in_hu=True))[:2] == ["brain, 0 to 80 HU", "soft tissue, -160 to 240 HU"]


@pytest.mark.parametrize(("starts", "step"), [((0.0, 40.0, 80.0), 40.0), ((0.0, 0.0, 0.0), None)])
def test_time_between_frames(starts, step):
    scan = Scan.from_array(np.zeros((1, 3, 4, 4, 2), np.int16), AFFINE, frame_ms=starts)
    assert frame_step_ms(scan) == step
