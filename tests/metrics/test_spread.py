import math

from vesalius.metrics.bootstrap import patient_interval
from vesalius.metrics.spread import SEED, Spread, finite_mean


def test_intervals_from_ten_patients_on():
    values = {f"p{n}": float(n) for n in range(10)}
    across, interval = Spread.by_patient(values), patient_interval(list(values.values()), seed=SEED)
    assert (across.low, across.high) == (interval.low, interval.high)
    assert Spread.by_patient(dict(list(values.items())[:9])).low is None
    assert Spread.by_patient({**values, "absent": None}).low is None
    assert Spread.by_patient({"a": math.inf, "b": 2.0}).values == {"a": None, "b": 2.0}
    assert Spread.by_patient({}).mean is None


def test_studies_of_a_patient_are_averaged_and_drawn_together():
    values = {f"{n}-{visit}": n + visit for n in range(10) for visit in (0.0, 2.0)}
    owners = {name: (name[0], True) for name in values}
    across, interval = Spread.by_patient(values, owners), patient_interval([n + 1.0 for n in range(10)], seed=SEED)
    assert (across.mean, across.low, across.high) == (5.5, interval.low, interval.high)
    assert across.values == values
    few = {name: value for name, value in values.items() if name[0] < "9"}
    assert Spread.by_patient(few, owners).low is None
    assert Spread.by_patient({**values, "0-2": None}, owners).low is None


def test_mean_of_nothing():
    assert math.isnan(finite_mean([math.nan]))
    assert finite_mean([math.nan, 1.0, math.inf, 3.0]) == 2.0
