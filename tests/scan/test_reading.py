import json

from vesalius.cohort.case import Case
from vesalius.scan.reading import AS_STATED, Reading


def test_only_choices_that_were_made_are_stated():
    assert AS_STATED.stated() == {}
    assert Reading(series="1.2", assume_rescale=(1.0, -1024.0)).stated() == {
        "series": "1.2",
        "assume_rescale": (1.0, -1024.0),
    }


def test_a_case_keeps_its_choices():
    case = Case(id="a", images={"image": "a.nii"}, series="9.9", reading=Reading(spacing_from="pixdim"))
    said = json.loads(case.model_dump_json(exclude_defaults=True))
    assert said["reading"] == {"spacing_from": "pixdim"}
    assert Case.parse(said) == case
    assert case.how == Reading(series="9.9", spacing_from="pixdim")
    assert "reading" not in Case(id="a", images={"image": "a.nii"}).model_dump(exclude_defaults=True)
