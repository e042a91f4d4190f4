import numpy as np
import pytest

from dicom_making import placed, save_all
from vesalius.scan.dicom.header import read_instance
from vesalius.scan.dicom.positions import by_orientation, by_position, frames_of, normal_of, place_of

AXIAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1)


def frames(folder, places):
    """One picture of each (cosines, position, spacing)."""
    many = [
        placed(np.zeros((3, 4), np.int16), position, cosines=cosines, spacing=spacing, number=n)
        for n, (cosines, position, spacing) in enumerate(places)
    ]
    return frames_of([read_instance(path) for path in save_all(many, folder)])


def numbers(groups):
    return [[frame.number for frame in group] for group in groups]


def test_directions_and_spacing_make_an_orientation(tmp_path):
    one, two = (0.5, 0.5), (0.5, 0.6)
    found = frames(
        tmp_path,
        [(AXIAL, (0, 0, 0), one), (SAGITTAL, (0, 0, 0), one), (AXIAL, (0, 0, 4), one), (AXIAL, (0, 0, 8), two)],
    )
    assert sorted(numbers(by_orientation(found))) == [[0, 2], [1], [3]]


@pytest.mark.parametrize(("degrees", "groups"), [(0.3, 1), (3, 2)])
def test_small_turns_are_rounding(tmp_path, degrees, groups):
    angle = np.radians(degrees)
    turned = (np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0)
    found = frames(tmp_path, [(AXIAL, (0, 0, 0), (1, 1)), (turned, (0, 0, 2), (1, 1))])
    assert len(by_orientation(found)) == groups


def test_positions_grow_along_the_normal(tmp_path):
    heights = [4, 0, 2, 4]
    found = frames(tmp_path, [(SAGITTAL, (height, 0, 0), (1, 1)) for height in heights])
    positions = by_position(found)
    assert numbers(positions) in ([[1], [2], [0, 3]], [[0, 3], [2], [1]])  # by the sign of the normal
    along = [np.dot(place_of(group[0]).origin, normal_of(place_of(group[0]))) for group in positions]
    assert along == sorted(along)


def test_slices_of_one_height_beside_each_other_are_two_positions(tmp_path):
    found = frames(tmp_path, [(AXIAL, (0, 0, 5), (1, 1)), (AXIAL, (9, 0, 5), (1, 1)), (AXIAL, (0, 0, 5), (1, 1))])
    assert sorted(numbers(by_position(found))) == [[0, 2], [1]]
