from pathlib import Path

import numpy as np
import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.tasks.detect.studies import Vectors, studies_of, whole

NAN = np.nan
ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


def case(name, study=None, patient=None, **labels):
    return Case(id=name, images={"image": "x.nii"}, study=study, patient=patient, labels=labels)


def cohort(*cases):
    return Cohort(cases, Path())


def test_a_case_each():
    vectors = Vectors(ROWS, {"a": np.array([0, 1, 2]), "b": np.array([5])}, np.arange(6))
    found = studies_of(cohort(case("a", patient="p", any=1), case("b", "s"), case("lost")), vectors, ("any", "x"))
    assert found.ids == ("a", "b")
    assert found.owners == (("p", True), ("study s", False))
    np.testing.assert_array_equal(found.labels_SC, [[1, NAN], [NAN, NAN]])
    batch = found.batch([1, 0])
    np.testing.assert_array_equal(batch["there"], [[True, False, False], [True] * 3])
    np.testing.assert_array_equal(batch["x"][0], [[10, 11], [0, 0], [0, 0]])
    np.testing.assert_array_equal(batch["x"][1], ROWS[:3])
    assert np.isnan(batch["slice_labels"]).all()
    assert batch["slice_labels"].shape == (2, 3, 2)
    assert found.width == 2


def test_loose_slices_of_a_study():
    vectors = Vectors(ROWS, {"a": np.array([3]), "b": np.array([4]), "c": np.array([0, 1])}, np.arange(6))
    cases = cohort(case("a", "s", any=0), case("b", "s", any=1), case("c", "t", any=1))
    found = studies_of(cases, vectors, ("any",), "study")
    assert found.ids == ("s", "t")
    assert found.rows[0].tolist() == [3, 4]
    assert found.labels_SC[:, 0].tolist() == [1, 1]
    np.testing.assert_array_equal(found.batch([0, 1])["slice_labels"][..., 0], [[0, 1], [NAN, NAN]])


def test_labels_of_rows():
    vectors = Vectors(ROWS, {"a": np.array([2, 1])}, np.arange(6), np.arange(6, dtype=np.float32)[:, None] / 10)
    found = studies_of(cohort(case("a", any=1)), vectors, ("any",))
    np.testing.assert_allclose(found.batch([0])["slice_labels"][0, :, 0], [0.2, 0.1])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [([0, 0], 0), ([0, 1], 1), ([NAN, 1], 1), ([NAN, 0], NAN), ([NAN, NAN], NAN), ([0.3, 0.6], 0.6), ([0.3, NAN], NAN)],
)
def test_the_label_of_a_whole(parts, expected):
    np.testing.assert_allclose(whole(np.array(parts, np.float32)[:, None]), [expected], rtol=1e-6)


def test_nothing():
    found = studies_of(cohort(), Vectors(ROWS, {}, np.arange(6)), ("a", "b"))
    assert len(found) == 0
    assert found.labels_SC.shape == (0, 2)
