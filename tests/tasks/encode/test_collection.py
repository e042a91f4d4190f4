import numpy as np
import pytest

from tasks.encode.small_store import make_store
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError
from vesalius.tasks.encode.collection import CASES, KEY, Collection, case_vector, pooled, pooled_width, write_cases


def test_cases_are_a_manifest_without_names_of_patients(tmp_path):
    collection = make_store(tmp_path / "store")
    text = (tmp_path / "store" / CASES).read_text()
    assert "Doe" not in text
    cases = read_manifest(tmp_path / "store" / CASES)
    assert [case.patient for case in cases] == ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5", "6", None]
    assert cases.cases[3].labels == {"nodule": 1}
    assert cases.cases[3].facts == {"age": 33, "view": "PA", KEY: f"{3:064x}"}
    assert open_image(cases, cases.cases[3], "image").shape == (1, 1, 10, 12, 1)
    assert collection.patient_numbers() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, None]


def test_studies_are_numbers_and_words_stay_behind(tmp_path):
    cases = [
        Case.build(id=f"c{n}", images={"image": "x.png"}, study=f"secret {n // 2}", caption="secret") for n in range(3)
    ]
    written = write_cases(Cohort(tuple(cases), tmp_path), {"c0": "a", "c2": "b"}, tmp_path)
    assert [(case.id, case.study) for case in written] == [("c0", "1"), ("c2", "2")]
    assert "secret" not in (tmp_path / CASES).read_text()


def test_the_vector_of_a_case_is_the_direction_of_its_mean_direction(tmp_path):
    collection = make_store(tmp_path / "store", rows=3)
    vectors_ND = collection.vectors()
    for case, vector_D in zip(collection.cohort, vectors_ND, strict=True):
        total = np.zeros(8)
        for row in collection.store.rows(collection.key(case)).astype(float):
            total += row / np.sqrt((row**2).sum())
        np.testing.assert_allclose(vector_D, total / np.sqrt((total**2).sum()), atol=1e-6)
    assert case_vector(np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)).tolist() == [0, 0]


def test_pooling():
    rows_nD = np.array([[1.0, 5.0], [3.0, 1.0]], np.float32)
    assert pooled(rows_nD, "none") is rows_nD
    assert pooled(rows_nD, "mean").tolist() == [[2, 3]]
    assert pooled(rows_nD, "max").tolist() == [[3, 5]]


def test_a_stack_is_its_ends_and_its_middle_from_where_more_moves():
    rows_nD = np.array([[5.0, 9.0], [4.0, 8.0], [3.0, 7.0], [2.0, 1.0]], np.float32)
    near = [0.75, 0.25]  # slices are at 1/8, 3/8, 5/8 and 7/8 of the stack
    first, last = near @ rows_nD[:2], near[::-1] @ rows_nD[2:]
    middle = (np.array([1, 3, 3, 1]) / 8) @ rows_nD
    expected = [np.concatenate([first, middle, last])]
    np.testing.assert_allclose(pooled(rows_nD, "stack"), expected, atol=1e-6)
    np.testing.assert_allclose(pooled(rows_nD[::-1], "stack"), expected, atol=1e-6)
    assert pooled(rows_nD[:1], "stack").tolist() == [[5, 9, 5, 9, 5, 9]]
    assert (pooled_width(2, "stack"), pooled_width(2, "max")) == (6, 2)


def test_cases_without_rows_are_refused(tmp_path):
    make_store(tmp_path / "store")
    path = tmp_path / "store" / CASES
    path.write_text(path.read_text().replace(f"{4:064x}", "f" * 64))
    with pytest.raises(InputError, match="names 1 cases without rows in the store; run vesalius embed again"):
        Collection.open(tmp_path / "store")
