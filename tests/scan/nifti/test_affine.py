import nibabel as nib
import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.geometry import spacing_mm
from vesalius.scan.nifti.affine import place
from vesalius.scan.note import level_of

TURN = np.array([[0, -2, 0, 5], [1.5, 0, 0, -8], [0, 0, 3, 9], [0, 0, 0, 1.0]])
ONES = np.diag([-1.0, -1, 1, 1])
CINE = (1.56, 1.56, 10)


def header(sform=(None, 0), qform=(None, 0), unit="mm", **fields):
    made = nib.Nifti1Header()
    made.set_data_shape((4, 3, 2))
    made.set_qform(*qform)
    made.set_sform(*sform)
    made.set_xyzt_units(unit, "sec")
    for name, value in fields.items():
        made[name] = value
    return made


def cine(**fields):
    """As parts of ACDC are distributed."""
    return header(sform=(ONES, 2), pixdim=[1, *CINE, 1, 0, 0, 0], **fields)


@pytest.mark.parametrize(
    ("sform", "qform", "spaces"),
    [
        (1, 1, ("scanner",)),
        (4, 4, ("mni",)),
        (2, 1, ("aligned", "scanner")),
        (3, 0, ("talairach", "unknown")),
        (0, 5, ("unknown", "template")),
    ],
)
def test_transforms_that_agree_say_nothing(sform, qform, spaces):
    placed = place(header(sform=(TURN, sform), qform=(TURN, qform)))
    np.testing.assert_allclose(placed.affine, TURN, atol=1e-6)
    assert (placed.spaces, placed.problems) == (spaces, ())


def other(matrix, **changed):
    matrix = matrix.copy()
    for axis, factor in changed.items():
        matrix[:3, "ijk".index(axis)] *= factor
    return matrix


def turned(degrees):
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn @ TURN


def moved(mm):
    matrix = TURN.copy()
    matrix[0, 3] += mm
    return matrix


@pytest.mark.parametrize(
    ("qform", "words"),
    [
        (other(TURN, j=-1), "axis j mirrored; the sform"),
        (other(TURN, i=-1, k=-1), "axis i and k mirrored; the sform"),
        (turned(3), "axes up to 3 degrees apart; origins"),
        (moved(2), "origins 2 mm apart; the sform"),
    ],
)
def test_a_qform_that_disagrees_is_told_with_what_is_used_and_why(qform, words):
    placed = place(header(sform=(TURN, 4), qform=(qform, 1)))
    np.testing.assert_allclose(placed.affine, TURN)
    (problem,) = placed.problems
    assert problem.startswith("sform (mni) and qform (scanner) disagree: ")
    assert words in problem
    assert problem.endswith("the sform is used, as in most readers")
    assert level_of(problem) == "warning"
    assert placed.spaces == ("mni",)  # the qform of another place names none of this one


@pytest.mark.parametrize("qform", [turned(0.2), moved(0.1), other(TURN, i=1.001)])
def test_rounding_is_no_disagreement(qform):
    assert place(header(sform=(TURN, 1), qform=(qform, 1))).problems == ()


def test_a_sform_without_the_spacing_is_a_contradiction():
    placed = place(cine())
    assert spacing_mm(placed.affine) == (1, 1, 1)
    (problem,) = placed.problems
    assert "1 x 1 x 1 mm by the sform, 1.56 x 1.56 x 10 mm by pixdim (volumes 24.3 times as large)" in problem
    assert "choose with --spacing-from sform or pixdim" in problem
    assert level_of(problem) == "error"


def test_pixdim_scales_the_directions_of_the_sform():
    oblique = turned(30) * [[2, 2, 2, 1]] * 1.0
    oblique[3] = [0, 0, 0, 1]
    placed = place(header(sform=(oblique, 1), pixdim=[1, *CINE, 1, 0, 0, 0]), "pixdim")
    np.testing.assert_allclose(spacing_mm(placed.affine), CINE, rtol=1e-6)
    np.testing.assert_allclose(placed.affine[:3, 3], oblique[:3, 3], rtol=1e-6)
    unit = oblique[:3, :3] / np.linalg.norm(oblique[:3, :3], axis=0)
    np.testing.assert_allclose(placed.affine[:3, :3], unit * CINE, atol=1e-5)
    assert [level_of(problem) for problem in placed.problems] == ["note"]
    assert "1.56 x 1.56 x 10 mm by pixdim, as chosen" in placed.problems[0]


def test_the_sform_as_chosen_is_no_contradiction_any_more():
    placed = place(cine(), "sform")
    np.testing.assert_array_equal(placed.affine, ONES)
    assert [level_of(problem) for problem in placed.problems] == ["note"]


@pytest.mark.parametrize("choice", ["sform", "pixdim"])
def test_a_choice_changes_nothing_where_both_agree(choice):
    placed = place(header(sform=(TURN, 1), qform=(TURN, 1)), choice)
    np.testing.assert_allclose(placed.affine, TURN)
    assert placed.problems == ()


def test_no_pixdim_beside_a_sform():
    made = cine()
    made["pixdim"][3] = 0
    assert place(made).problems == ("pixdim states no spacing (1.56 x 1.56 x 0 mm): the sform's 1 x 1 x 1 mm is used",)
    made["pixdim"][3] = np.nan
    with pytest.raises(InputError, match="pixdim states no spacing"):
        place(made, "pixdim")


def test_a_broken_transform_is_named_and_passed_over():
    placed = place(header(sform=(TURN, 1), qform=(TURN, 1), srow_x=0))
    np.testing.assert_allclose(placed.affine, TURN, atol=1e-6)
    assert "the sform is unusable" in placed.problems[0]
    placed = place(header(sform=(TURN, 1), qform=(TURN, 2), quatern_b=3))
    assert placed.problems == ("the qform is unusable: it is not a rotation",)
    assert placed.spaces == ("scanner",)


def test_spacing_alone():
    placed = place(header(pixdim=[1, -2, 3, 4, 0, 0, 0, 0]))
    np.testing.assert_array_equal(placed.affine, np.diag([2, 3, 4, 1]))
    assert placed.problems == (
        "neither sform nor qform is stated: the orientation is unknown, only the spacing is used",
    )
    assert placed.spaces == ("unknown",)
    placed = place(header(pixdim=[1, 0, 3, 4, 0, 0, 0, 0]))
    assert placed.affine is None
    assert "zero" in placed.problems[1]


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)])
def test_lengths_are_turned_to_mm(unit, factor):
    placed = place(header(sform=(TURN, 1), qform=(TURN, 1), unit=unit))
    np.testing.assert_allclose(placed.affine[:3], TURN[:3] * factor)
    assert len(placed.problems) == (factor != 1)


def test_a_unit_that_nifti_does_not_know_is_named():
    placed = place(header(sform=(TURN, 1), qform=(TURN, 1), xyzt_units=5))
    np.testing.assert_allclose(placed.affine, TURN)
    assert placed.problems == ("the unit of lengths (code 5) is unknown to NIfTI: read as mm",)


@pytest.mark.parametrize("choice", [None, "sform", "pixdim"])
def test_a_qform_that_is_not_stated_stays_so_where_spacings_differ(choice):
    assert place(cine(), choice).spaces == ("aligned", "unknown")
    assert place(header(sform=(TURN, 4), pixdim=[1, 0, 0, 0, 1, 0, 0, 0])).spaces == ("mni", "unknown")
    other = TURN + np.diag([0, 0, 0.5, 0])
    assert place(header(sform=(TURN, 4), qform=(other, 1))).spaces == ("mni",)
