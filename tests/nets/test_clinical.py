import math

import pytest
import torch

from vesalius.errors import UsageError
from vesalius.nets.clinical import FACTS, GROUPS, ClinicalEmbedding, clinical_facts


def embedding(drop=0.0):
    torch.manual_seed(0)
    net = ClinicalEmbedding(8, drop)
    torch.nn.init.normal_(net.last.weight)
    return net


def test_facts_in_order_and_unknown_ones():
    assert clinical_facts(50, 180, 80, "RV").tolist() == [50, 180, 80, GROUPS.index("RV")]
    assert torch.isnan(clinical_facts()).all()
    assert len(clinical_facts()) == len(FACTS)
    with pytest.raises(UsageError, match="choose one of NOR, MINF"):
        clinical_facts(group="XYZ")


def test_each_fact_changes_the_vector_and_unknown_differs_from_every_value():
    net = embedding().eval()
    whole = {"age_years": 50.0, "height_cm": 170.0, "weight_kg": 75.0, "group": "NOR"}
    others = {"age_years": 60.0, "height_cm": 150.0, "weight_kg": 95.0, "group": "HCM"}
    plain = net(clinical_facts(**whole)[None], 1)
    seen = [plain]
    for name in FACTS:
        for value in (others[name], None):
            seen.append(net(clinical_facts(**whole | {name: value})[None], 1))
            assert not torch.allclose(seen[-1], plain)
    assert torch.equal(net(None, 2), net(torch.full((2, 4), math.nan), 2))
    assert all(torch.isfinite(one).all() for one in seen)


def test_at_first_nothing_changes():
    net = ClinicalEmbedding(8, 0.5).eval()
    assert not net(clinical_facts(50, 180, 80, "RV")[None], 1).any()


def test_facts_are_dropped_at_random_one_by_one_in_training_only():
    net = embedding(0.25).train()
    facts_BF = clinical_facts(50, 180, 80, "RV").expand(4000, -1)
    with torch.no_grad():
        rows = net(facts_BF, 4000)
        _, counts = torch.unique(rows.round(decimals=4), dim=0, return_counts=True)
        assert len(counts) == 16  # every combination
        assert counts.max() / 4000 == pytest.approx(0.75**4, abs=0.03)
        assert len(torch.unique(net.eval()(facts_BF, 4000), dim=0)) == 1
