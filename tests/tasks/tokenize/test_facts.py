"""Facts of patients as numbers."""

import torch

from vesalius.cohort.case import Case
from vesalius.nets.clinical import FACTS, GROUPS
from vesalius.tasks.tokenize.facts import facts_of


def test_what_manifests_say_and_what_they_do_not():
    images = {"image": "x.nii"}
    known = Case(id="a", images=images, facts={"group": "HCM", "height_cm": 180, "weight_kg": 81.5, "age": 44})
    strange = Case(id="b", images=images, facts={"group": "healthy", "height_cm": "tall", "weight_kg": True})
    facts_BF = facts_of([known, strange])
    assert FACTS == ("age_years", "height_cm", "weight_kg", "group")
    assert facts_BF[0].tolist() == [44, 180, 81.5, GROUPS.index("HCM")]
    assert torch.isnan(facts_BF[1]).all()
