from pydicom.sr import _concepts_dict

from vesalius.scan.dicom.concepts import KNOWN, LOCAL_SCHEME, REGION, concept_of


def test_known_concepts_are_those_of_the_standard():
    known = {code for meanings in _concepts_dict.concepts["SCT"].values() for code in meanings}
    meanings = {
        (code, stated[0]) for entry in _concepts_dict.concepts["SCT"].values() for code, stated in entry.items()
    }
    for category, kinds in KNOWN.items():
        assert category.value in known
        for kind, names in kinds.items():
            assert (kind.value, kind.meaning) in meanings
            assert all(concept_of(name.upper()) == (category, kind) for name in names)
    assert concept_of("left_ventricle") == concept_of("lv")


def test_other_classes_get_a_local_code_that_differs_for_each():
    names = ("enhancing", "core", "a very long name of a class", "a very long name of another", "海马", "a/b")
    kinds = [concept_of(name) for name in names]
    assert {category for category, _ in kinds} == {REGION}
    assert [kind.meaning for _, kind in kinds] == list(names)
    assert len({kind.value for _, kind in kinds}) == len(names)
    assert all(kind.scheme == LOCAL_SCHEME and 0 < len(kind.value) <= 16 for _, kind in kinds)
    assert len(concept_of("x" * 100)[1].meaning) == 64
