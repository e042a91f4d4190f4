import math

from vesalius.metrics.bootstrap import patient_interval
from vesalius.tasks.evaluate.codec.across import SEED, Across


def test_intervals_from_ten_patients_on():
    values = {f"p{n}": float(n) for n in range(10)}
    across, interval = Across.of(values), patient_interval(list(values.values()), seed=SEED)
    assert (across.low, across.high) == (interval.low, interval.high)
    assert Across.of(dict(list(values.items())[:9])).low is None
    assert Across.of({**values, "absent": None}).low is None
    assert Across.of({"a": math.inf, "b": 2.0}).values == {"a": None, "b": 2.0}
    assert Across.of({}).mean is None
