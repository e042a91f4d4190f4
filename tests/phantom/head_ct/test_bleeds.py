from collections import Counter

import numpy as np

from phantom.head_ct.heads import small
from vesalius.phantom.head_ct.bleeds import draw_bleeds
from vesalius.phantom.head_ct.labels import PATTERNS, BleedName


def test_prevalences_are_as_asked():
    options = small()
    drawn = [draw_bleeds(options, patient, 0) for patient in range(1500)]
    share = np.mean([bool(bleeds) for bleeds in drawn])
    assert abs(share - options.prevalence.any) < 0.045
    counts = Counter(bleed.type.value for bleeds in drawn for bleed in bleeds)
    for name in BleedName:
        asked = getattr(options.prevalence, name.value)
        assert 0.7 * asked < counts[name.value] / 1500 < 1.6 * asked  # at least one type for each positive lifts them
    assert counts["subdural"] > counts["intraparenchymal"] > counts["intraventricular"] > counts["epidural"]


def test_volumes_hu_and_patterns_lie_in_their_bounds():
    options = small()
    drawn = [bleed for patient in range(600) for bleed in draw_bleeds(options, patient, 0)]
    for bleed in drawn:
        low, high = getattr(options.volume_ml, bleed.type.value)
        assert low <= bleed.volume_ml <= high
        assert options.subacute_hu[0] <= bleed.hu <= options.acute_hu[1]
        assert bleed.pattern in PATTERNS[bleed.type]
    older = np.mean([bleed.hu < options.acute_hu[0] for bleed in drawn])
    assert abs(older - options.subacute) < 0.1


def test_later_bleeds_are_the_same_but_older():
    options, gone, seen = small(), 0, 0
    for patient in range(400):
        first = {bleed.type: bleed for bleed in draw_bleeds(options, patient, 0)}
        later = {bleed.type: bleed for bleed in draw_bleeds(options, patient, 1)}
        assert set(later) <= set(first)
        seen, gone = seen + len(first), gone + len(first) - len(later)
        for name, bleed in later.items():
            assert bleed.hu < first[name].hu or bleed.hu == options.subacute_hu[0]
            assert (bleed.pattern, bleed.side) == (first[name].pattern, first[name].side)
    assert 0.1 < gone / seen < 0.3


def test_exactly_what_is_asked_for():
    options = small(bleeds=[{"type": "subdural", "volume_ml": 7}])
    (bleed,) = draw_bleeds(options, 0, 0)
    assert (bleed.type.value, bleed.volume_ml, bleed.hu) == ("subdural", 7, 65)
