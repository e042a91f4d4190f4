import math

from vesalius.metrics.bootstrap import patient_interval
from vesalius.metrics.spread import SEED, Spread, finite_mean


def test_intervals_from_ten_patients_on():
    values = {f"p{n}": float(n) for n in range(10)}
    across, interval = Spread.of_all(values), patient_interval(list(values.values()), seed=SEED)
    assert (across.low, across.high) == (interval.low, interval.high)
    assert Spread.of_all(dict(list(values.items())[:9])).low is None
    assert Spread.of_all({**values, "absent": None}).low is None
    assert Spread.of_all({"a": math.inf, "b": 2.0}).values == {"a": None, "b": 2.0}
    assert Spread.of_all({}).mean is None


def test_mean_of_nothing():
    assert math.isnan(finite_mean([math.nan]))
    assert finite_mean([math.nan, 1.0, math.inf, 3.0]) == 2.0
