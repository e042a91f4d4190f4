import pytest

from vesalius.metrics.drawn import Drawn


@pytest.mark.parametrize(
    ("known", "studies", "patients", "by", "words"),
    [
        (12, 0, 12, "by patient", "12 patients"),
        (1, 0, 1, "by patient", "1 patient"),
        (0, 9, None, "by study (patients unknown)", "9 studies (patients unknown)"),
        (0, 1, None, "by study (patients unknown)", "1 study (patient unknown)"),
        (4, 2, 4, "by patient, 2 of 6 by study (patient unknown)", "4 patients and 2 studies without one"),
        (0, 0, 0, "by patient", "0 patients"),
    ],
)
def test_what_is_drawn_in_words(known, studies, patients, by, words):
    drawn = Drawn(known, studies)
    assert (drawn.patients, drawn.by, drawn.words) == (patients, by, words)


def test_rows_of_one_owner_count_once_and_a_study_is_no_patient_of_its_name():
    assert Drawn.of([("7", True), ("7", True), ("7", False), ("study 8", False)]) == Drawn(1, 2)
