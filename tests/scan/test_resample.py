import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_fill_holes, binary_opening, map_coordinates

from real_data import real
from vesalius.errors import GeometryError, InputError, UsageError
from vesalius.scan.dicom.series import list_series
from vesalius.scan.geometry import shear_degrees, to_world
from vesalius.scan.intensity import Intensity
from vesalius.scan.orient import reorient
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.resample import onto, regrid, to_grid
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

RAMP = np.array([0.7, -1.3, 2.1])
"""Value per mm along x, y, z of a linear ramp in the world."""


def stack_of(heights, tilt=0.0, size=(9, 7), spacing=(0.8, 1.1), turn=None):
    """Slices at `heights` along the normal that also slide by tan(tilt) along j."""
    turn = np.eye(3) if turn is None else turn
    heights = np.asarray(heights, dtype=float)
    shift = np.tan(np.radians(tilt)) * heights
    origins = np.stack([np.zeros_like(heights), shift, heights], axis=1) @ turn.T + [5, -3, 40]
    steps = [np.tile(turn @ step, (len(heights), 1)) for step in ([spacing[0], 0, 0], [0, spacing[1], 0])]
    return SliceStack(origins, *steps), size


def ramp_scan(stack, size, offset=100.0):
    """A scan whose values are a linear ramp in world space."""
    i, j = np.meshgrid(*map(np.arange, size), indexing="ij")
    points = (
        stack.origins_K3[:, None, None]
        + i[..., None] * stack.steps_i_K3[:, None, None]
        + j[..., None] * stack.steps_j_K3[:, None, None]
    )
    values_KIJ = points @ RAMP + offset
    return Scan(ArrayPixels(values_KIJ.transpose(1, 2, 0)[None, None]), stack, Intensity(unit="HU"))


def reached(scan, points):
    """True where the slices on both sides of a world point (or the slice at its height) reach it."""
    stack = scan.geometry
    heights = points @ stack.normal
    covers = []
    for k in range(len(stack)):
        steps = np.stack([stack.steps_i_K3[k], stack.steps_j_K3[k]])
        pixels = (points - stack.origins_K3[k]) @ np.linalg.pinv(steps)
        covers.append(((pixels > -1e-4) & (pixels < np.array(scan.shape[2:4]) - 1 + 1e-4)).all(-1))
    covers = np.array(covers)
    inside = np.zeros(heights.shape, bool)
    for at in np.ndindex(heights.shape):
        near = np.flatnonzero(np.abs(stack.heights_mm - heights[at]) < 1e-6)
        below = np.flatnonzero(stack.heights_mm < heights[at])[-1:]
        above = np.flatnonzero(stack.heights_mm > heights[at])[:1]
        inside[at] = all(covers[k][at] for k in (near if near.size else [*below, *above]))
    return inside


def check_ramp(scan, grid):
    """Every grid voxel that the slices reach has the ramp's value, every other the fill value; the share reached."""
    voxels = np.stack(np.meshgrid(*map(np.arange, grid.shape[2:]), indexing="ij"), axis=-1)
    points = to_world(grid.affine, voxels)
    inside = reached(scan, points)
    got = grid.values()[0, 0]
    np.testing.assert_allclose(got[inside], (points @ RAMP + 100)[inside], rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(got[~inside], np.float32(scan.values().min()))
    return inside.mean()


def test_a_tilted_ramp_with_uneven_gaps_is_exact():
    scan = ramp_scan(*stack_of([0, 4, 8, 12, 13.1, 20, 27], tilt=18.5))
    assert "tilt" in scan.grid_problem
    assert "uneven" in scan.grid_problem
    grid = to_grid(scan)
    assert grid.grid_problem is None
    assert shear_degrees(grid.affine) < 1e-6
    assert grid.spacing_mm == pytest.approx((0.8, 1.1, 27 / 7))  # median gap 4: 7 steps reach from 0 to 27
    assert grid.dtype == np.float32
    assert check_ramp(scan, grid) > 0.25
    assert grid.intensity.is_identity
    assert grid.intensity.unit == "HU"
    assert any("resampled" in problem for problem in grid.problems)
    assert grid.native is None


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), tilt=st.floats(-30, 30), count=st.integers(2, 8))
def test_any_parallel_stack_is_exact_on_ramps(seed, tilt, count):
    draw = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    heights = np.cumsum(draw.uniform(0.5, 5, count))
    scan = ramp_scan(*stack_of(heights, tilt, turn=turn))
    check_ramp(scan, to_grid(scan))


def test_every_slice_is_inside_the_grid_and_found_again():
    heights = [0, 2, 4, 10, 12]
    stack, size = stack_of(heights, tilt=45)
    scan = ramp_scan(stack, size)
    grid = to_grid(scan)
    i, j = np.meshgrid(*map(np.arange, size), indexing="ij")
    for k, height in enumerate(heights):
        points = stack.origins_K3[k] + i[..., None] * stack.steps_i_K3[k] + j[..., None] * stack.steps_j_K3[k]
        voxels = to_world(np.linalg.inv(grid.affine), points)
        assert voxels.min() > -1e-6
        assert (voxels.max(axis=(0, 1)) < np.array(grid.shape[2:]) - 1 + 1e-6).all()
        assert voxels[0, 0, 2] == pytest.approx(height / grid.spacing_mm[2])


def test_even_untilted_slices_with_one_missing_keep_their_step():
    scan = ramp_scan(*stack_of([0, 3, 6, 12, 15, 18]))
    assert "missing" in scan.grid_problem
    grid = to_grid(scan)
    assert grid.shape == (1, 1, 9, 7, 7)
    assert grid.spacing_mm[2] == pytest.approx(3)
    assert check_ramp(scan, grid) == 1
    np.testing.assert_allclose(grid.values()[..., [0, 1, 2, 4, 5, 6]], scan.values(), rtol=1e-6)


def test_outside_is_the_smallest_real_value():
    scan = ramp_scan(*stack_of([0, 4, 8], tilt=40))
    scan = replace(scan, intensity=Intensity.linear(2, -5000, "HU"))
    grid = to_grid(scan)
    assert grid.values().min() == pytest.approx(scan.values().min())
    assert (grid.values() == grid.values().min()).mean() > 0.1


def test_a_scan_with_a_grid_stays_as_it_is():
    even = ramp_scan(*stack_of([0, 3, 6]))
    assert to_grid(even) is even
    affine = Scan.from_array(np.zeros((2, 2, 2)), np.eye(4))
    assert to_grid(affine) is affine


def test_equal_duplicates_are_merged_and_others_refused():
    stack, size = stack_of([0, 2, 2, 4, 6])
    scan = ramp_scan(stack, size)
    grid = to_grid(scan)
    assert grid.shape[4] == 4
    assert check_ramp(scan, grid) == 1
    array = scan.stored().copy()
    array[..., 2] += 1
    with pytest.raises(GeometryError, match="slices 1 and 2 share a position and differ"):
        to_grid(replace(scan, pixels=ArrayPixels(array)))


def test_what_cannot_be_a_grid_is_refused():
    stack, size = stack_of([0, 2, 4])
    crossed = replace(
        stack, steps_i_K3=stack.steps_i_K3[:, [2, 1, 0]] * [[0], [1], [1]] + stack.steps_i_K3 * [[1], [0], [0]]
    )
    with pytest.raises(GeometryError, match="differ in orientation"):
        to_grid(replace(ramp_scan(stack, size), geometry=crossed))
    with pytest.raises(GeometryError, match="no geometry"):
        to_grid(Scan.from_array(np.zeros((2, 2, 2))))
    slanted = replace(stack_of([0, 2, 5])[0], steps_j_K3=np.tile([0.5, 1.0, 0], (3, 1)))
    with pytest.raises(GeometryError, match="not perpendicular"):
        to_grid(replace(ramp_scan(stack, size), geometry=slanted))


def test_time_and_channels_are_resampled_alike():
    stack, size = stack_of([0, 2, 5, 9], tilt=10)
    one = ramp_scan(stack, size)
    many = np.stack([np.stack([one.stored()[0, 0] * (1 + t + 2 * c) for t in range(2)]) for c in range(3)])
    grid = to_grid(replace(one, pixels=ArrayPixels(many), frame_ms=(0.0, 10.0), t_meaning="time"))
    assert grid.shape[:2] == (3, 2)
    assert grid.frame_ms == (0.0, 10.0)
    inside = to_grid(one).values()[0, 0] > one.values().min()
    for c in range(3):
        for t in range(2):
            got = grid.values()[c, t][inside]
            np.testing.assert_allclose(got, to_grid(one).values()[0, 0][inside] * (1 + t + 2 * c), rtol=1e-4)


@pytest.mark.data
def test_the_tilted_head_agrees_with_dcm2niix(tmp_path):
    program = shutil.which(
        "dcm2niix", path=Path(sys.executable).parent
    )  # not the system's: 2022's writes a wrong affine
    if program is None:
        pytest.skip("this environment has no dcm2niix")
    folder = real("ct-head-tilted-dicom")
    (found,) = list_series(sorted(folder.iterdir()))[0]
    grid = to_grid(found.open())
    subprocess.run([program, "-b", "n", "-z", "n", "-f", "ct", "-o", tmp_path, folder], check=True, capture_output=True)
    made = [path for path in Path(tmp_path).glob("*.nii") if "_Eq" in path.stem]
    if not made:
        pytest.skip("this dcm2niix does not even out the slices")
    theirs = nib.load(made[0])
    values = grid.values()[0, 0]
    head = np.argwhere(binary_fill_holes(binary_opening(values > -200, iterations=2)))
    draw = np.random.default_rng(0)
    voxels = head[draw.integers(0, len(head), 10_000)] + draw.uniform(-0.5, 0.5, (10_000, 3))
    points = to_world(grid.affine, voxels)
    ours_hu = map_coordinates(values, voxels.T, order=1, mode="nearest")
    their_voxels = to_world(np.linalg.inv(theirs.affine), points)
    their_hu = map_coordinates(np.asarray(theirs.dataobj, dtype=np.float32), their_voxels.T, order=1, mode="nearest")
    assert np.median(np.abs(ours_hu - their_hu)) <= 15


# regrid


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_regrid_is_exact_on_ramps_between_the_voxel_centres(seed):
    draw = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * draw.uniform(0.5, 3, 3)
    affine[:3, 3] = draw.normal(size=3) * 20
    size = draw.integers(2, 9, 3)
    voxels = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1)
    scan = Scan.from_array(to_world(affine, voxels) @ RAMP, affine)
    spacing = tuple(draw.uniform(0.4, 4, 3).tolist())
    grid = regrid(scan, spacing)
    assert grid.spacing_mm == pytest.approx(spacing)
    new = np.stack(np.meshgrid(*map(np.arange, grid.shape[2:]), indexing="ij"), axis=-1)
    points = to_world(grid.affine, new)
    old = to_world(np.linalg.inv(affine), points)
    inside = ((old >= -1e-9) & (old <= size - 1 + 1e-9)).all(-1)
    np.testing.assert_allclose(grid.stored()[0, 0][inside], (points @ RAMP)[inside], rtol=1e-4, atol=1e-3)


def test_regrid_keeps_the_middle_and_the_length_of_the_field():
    scan = Scan.from_array(np.zeros((10, 8, 6)), np.diag([2.0, 2, 3, 1]))
    grid = regrid(scan, (1, 4, 3))
    assert grid.shape[2:] == (20, 4, 6)
    middles = [to_world(one.affine, (np.array(one.shape[2:]) - 1) / 2) for one in (scan, grid)]
    np.testing.assert_allclose(*middles)


def test_nearest_keeps_labels_and_their_dtype():
    labels = np.random.default_rng(0).choice([0, 3, 250], (7, 6, 5)).astype(np.uint8)
    grid = regrid(Scan.from_array(labels, np.eye(4)), (0.5, 0.7, 2), "nearest")
    assert grid.dtype == np.uint8
    assert set(np.unique(grid.stored())) <= {0, 3, 250}
    doubled = regrid(Scan.from_array(labels, np.eye(4)), (0.5, 1, 1), "nearest")
    np.testing.assert_array_equal(doubled.stored()[0, 0], labels.repeat(2, axis=0))


def test_nearest_keeps_the_slopes_of_its_slices():
    intensity = Intensity(np.array([[1.0, 2, 3]]), np.zeros((1, 3)))
    scan = Scan(ArrayPixels(np.ones((1, 1, 2, 2, 3), np.int16)), np.eye(4), intensity)
    grid = regrid(scan, (1, 1, 0.5), "nearest")
    np.testing.assert_array_equal(grid.values()[0, 0, 0, 0], [1, 1, 2, 2, 3, 3])


def test_impossible_spacings_and_palettes_are_refused():
    scan = Scan.from_array(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    for spacing in ((0, 1, 1), (1, -1, 1), (1, 1, float("nan"))):
        with pytest.raises(UsageError, match="impossible"):
            regrid(scan, spacing)
    with pytest.raises(UsageError, match="palette"):
        regrid(replace(scan, colour="palette"), (1, 1, 1))
    with pytest.raises(GeometryError):
        regrid(replace(scan, geometry=None), (1, 1, 1))


# onto


@pytest.mark.parametrize("code", ["RAS", "LPI", "SRA", "AIL"])
def test_onto_undoes_turning_exactly(code):
    array = np.random.default_rng(0).random((2, 7, 6, 5)).astype(np.float32)
    affine = np.diag([1.0, 2, 3, 1])
    affine[:3, 3] = 4, 5, 6
    turned = reorient(Scan.from_array(array[:, None], affine), code)
    back = onto(turned.stored()[:, 0], turned.affine, (7, 6, 5), affine)
    np.testing.assert_array_equal(back, array)


def test_onto_is_exact_on_ramps_from_another_spacing():
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    voxels = np.stack(np.meshgrid(*map(np.arange, (12, 10, 8)), indexing="ij"), axis=-1)
    ramp = to_world(affine, voxels) @ RAMP
    coarse = regrid(reorient(Scan.from_array(ramp, affine), "PSL"), (2.0, 1.0, 1.3))
    back = onto(coarse.stored()[:, 0], coarse.affine, (12, 10, 8), affine)
    np.testing.assert_allclose(back[0, 2:-2, 2:-2, 2:-2], ramp[2:-2, 2:-2, 2:-2], rtol=1e-4, atol=1e-3)


def test_onto_needs_parallel_axes():
    turn = np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    with pytest.raises(GeometryError, match="not parallel"):
        onto(np.zeros((1, 4, 4, 4), np.float32), np.eye(4), (4, 4, 4), turn)


@pytest.mark.parametrize("spacing", [(1e-9, 1e-9, 1e-9), (1e-320, 1, 1), (5e-324, 5e-324, 5e-324)])
def test_a_grid_that_no_memory_holds_is_refused(spacing):
    with pytest.raises(InputError, match=r"of memory, .* allowed; raise --memory, or take a wider spacing"):
        regrid(Scan.from_array(np.zeros((2, 2, 2), np.uint8), np.eye(4)), spacing)


def test_slices_that_come_from_above_make_the_same_grid():
    stack, size = stack_of([0, 2, 5, 9], tilt=10)
    scan = ramp_scan(stack, size)
    slopes = Intensity(np.array([[1.0, 2, 3, 4]]), np.zeros((1, 4)))
    turned = SliceStack(stack.origins_K3[::-1], stack.steps_i_K3[::-1], stack.steps_j_K3[::-1])
    above = replace(scan, pixels=ArrayPixels(scan.stored()[..., ::-1]), geometry=turned)
    for upward, downward in (
        (scan, above),
        (
            replace(scan, intensity=slopes),
            replace(above, intensity=replace(slopes, slope_TK=slopes.slope_TK[:, ::-1])),
        ),
    ):
        np.testing.assert_array_equal(to_grid(upward).affine, to_grid(downward).affine)
        np.testing.assert_array_equal(to_grid(upward).values(), to_grid(downward).values())


def off_grid():
    """Stacks without a grid, and whether one can be made."""
    tilted, size = stack_of([0, 2, 4, 6], tilt=15)
    yield ramp_scan(tilted, size), True
    uneven, size = stack_of([0, 2, 5, 6])
    yield ramp_scan(uneven, size), True
    twice, size = stack_of([0, 2, 2, 4])
    yield ramp_scan(twice, size), True
    values = ramp_scan(twice, size).stored().copy()
    values[..., 2] += 1
    yield replace(ramp_scan(twice, size), pixels=ArrayPixels(values)), False
    steps = tilted.steps_i_K3.copy()
    steps[1] = [0, 0, 0.8]
    yield replace(ramp_scan(tilted, size), geometry=replace(tilted, steps_i_K3=steps)), False
    skewed = replace(tilted, steps_i_K3=tilted.steps_i_K3 + 0.2 * tilted.steps_j_K3)
    yield replace(ramp_scan(tilted, size), geometry=skewed), False


def test_resampling_is_named_exactly_where_it_works():
    cases = list(off_grid())
    assert len(cases) == 6
    for scan, works in cases:
        with pytest.raises(GeometryError) as refused:
            scan.affine  # noqa: B018
        assert (refused.value.fix == "make one with vesalius convert --resample") is works
        if works:
            assert to_grid(scan).grid_problem is None
        else:
            with pytest.raises(GeometryError):
                to_grid(scan)
