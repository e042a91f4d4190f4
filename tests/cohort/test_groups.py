from vesalius.cohort.case import Case
from vesalius.cohort.groups import groups, owners


def case(name, patient=None, study=None):
    return Case(id=name, images={"image": "x"}, patient=patient, study=study)


def members(cases, by="patient"):
    return sorted(sorted(one.id for one in together) for together in groups(cases, by).values())


def test_by_patient():
    cases = [case("a", "1", "s"), case("b", "2", "s"), case("c", "1", "t"), case("d"), case("e"), case("f", None, "u")]
    assert members(cases) == [["a", "c"], ["b"], ["d"], ["e"], ["f"]]


def test_a_case_without_patient_joins_what_it_may_belong_to():
    cases = [case("a", "1", "s"), case("b", "2", "s"), case("c", None, "s"), case("d", "1", "t"), case("e", None, "v")]
    assert members([*cases, case("f", None, "v")]) == [["a", "b", "c", "d"], ["e", "f"]]


def test_by_study():
    cases = [case("a", "1", "s"), case("b", "1", "t"), case("c", "2", "s"), case("d", "3"), case("e", "3")]
    assert members(cases, "study") == [["a", "c"], ["b"], ["d", "e"]]
    assert members([*cases, case("f", "1")], "study") == [["a", "b", "c", "f"], ["d", "e"]]


def test_names_of_different_kinds_do_not_meet():
    assert members([case("x", "1"), case("y", None, "1"), case("1")]) == [["1"], ["x"], ["y"]]


def test_owners_are_patients_where_they_are_known():
    """A study that is known of a patient elsewhere is that patient's; a study and a case of one name stay apart."""
    cases = [case("a", "7"), case("b", "7", "s"), case("c", None, "s"), case("d", None, "7"), case("7")]
    assert owners(cases) == {
        "a": ("7", True),
        "b": ("7", True),
        "c": ("7", True),
        "d": ("study 7", False),
        "7": ("case 7", False),
    }
