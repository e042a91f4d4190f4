import numpy as np
import pytest

from phantom.cine.hearts import NAMES, fitted
from vesalius.phantom.cine.heart import angles, turn


@pytest.fixture(params=NAMES.values(), ids=NAMES.keys())
def heart(request):
    return fitted(request.param)[2]


def volume_mm3(square_ZA, dz):
    return 0.5 * np.maximum(square_ZA, 0).mean(axis=1).sum() * 2 * np.pi * dz


def test_the_cavity_ends_at_the_apex_and_the_wall_beyond_it(heart):
    z = np.array([heart.length_mm * 0.3, heart.length_mm * 0.98, heart.length_mm + 1.0, heart.length_mm + 60])
    endo, epi = heart.endo_mm2(z, 0.0), heart.epi_mm2(z, 0.0)
    assert (endo[:2] > 0).all()
    assert (endo[2:] <= 0).all()
    assert (epi[:3] > np.maximum(endo[:3], 0)).all()
    assert (epi[3] <= 0).all()


def test_the_continuous_shape_empties_about_as_the_labels(heart):
    """The labels are exact; the shape between the slices agrees to what ten slices can tell."""
    dz = 0.25
    z = np.arange(0.0, heart.length_mm + 5, dz)
    volumes = [volume_mm3(heart.endo_mm2(z, c)[z >= heart.base_mm(c)], dz) for c in (0.0, 0.5, 1.0)]
    assert volumes[0] > volumes[1] > volumes[2]
    subject = next(fitted(name)[0] for name in NAMES.values() if fitted(name)[2] is heart)
    assert volumes[0] / 1000 == pytest.approx(subject.lv_edv_ml, rel=0.12)
    assert volumes[2] / 1000 == pytest.approx(subject.lv_esv_ml, rel=0.2)


def test_the_valve_plane_comes_down_and_the_apex_stays(heart):
    assert heart.base_mm(0.0) == 0
    assert 0.02 < heart.base_mm(1.0) / heart.length_mm < 0.25
    apex = np.array([heart.length_mm])
    assert heart.depth_share(apex, 0.0) == pytest.approx(1)
    assert heart.depth_share(apex, 1.0) == pytest.approx(1)


def test_the_right_ventricle_lies_on_the_left_of_the_picture(heart):
    share = heart.rv_share(np.array([0.2 * heart.length_mm]), 0.0)[0]
    assert np.cos(angles()[share > 0]).mean() < -0.4
    assert (share[np.abs(angles()) < 0.5] == 0).all()
    assert heart.rv_share(np.array([0.97 * heart.length_mm]), 0.0).max() == 0


def test_the_oblique_valve_leaves_the_front_at_the_base_and_everything_deeper(heart):
    z = np.array([0.0, 0.1, 0.3]) * heart.length_mm
    crescent = heart.rv_share(z, 0.0) > 0
    below = heart.rv_below_valve(z, 0.0) & crescent
    assert 0 < below[0].sum() < 0.3 * crescent[0].sum()
    assert np.sin(angles()[below[0]]).mean() < 0  # up in the picture is the front
    assert below[0].sum() < below[1].sum() < crescent[1].sum()
    assert below[2].sum() == crescent[2].sum()


def test_an_infarct_hardly_moves_and_is_thin():
    heart = fitted(NAMES["MINF"])[2]
    z = np.array([heart.scar[4] * heart.length_mm])
    moved = 1 - heart.endo_mm2(z, 1.0)[0] / heart.endo_mm2(z, 0.0)[0]
    scar = np.argmin(np.abs(turn(angles() - heart.scar[2])))
    far = np.argmin(np.abs(turn(angles() - heart.scar[2] - np.pi)))
    assert moved[scar] < 0.4 * moved[far]
    thickness = np.sqrt(heart.epi_mm2(z, 0.0)[0]) - np.sqrt(heart.endo_mm2(z, 0.0)[0])
    assert thickness[scar] < 0.8 * thickness[far]


def test_the_wall_thickens_in_systole(heart):
    z = np.array([0.45 * heart.length_mm])
    thickness = [(np.sqrt(heart.epi_mm2(z, c)) - np.sqrt(heart.endo_mm2(z, c))).mean() for c in (0.0, 1.0)]
    assert thickness[1] > 1.03 * thickness[0]


@pytest.mark.parametrize(
    ("angle", "same"), [(0.0, 0.0), (4.0, 4.0 - 2 * np.pi), (-4.0, 2 * np.pi - 4.0), (7.0, 7 - 2 * np.pi)]
)
def test_turn(angle, same):
    assert turn(np.array(angle)) == pytest.approx(same)
