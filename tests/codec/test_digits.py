from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from vesalius.codec.digits import at_least, at_most


@given(st.floats(-1e300, 1e300), st.integers(1, 9))
def test_few_digits_on_the_right_side(value, digits):
    above, below = at_least(value, digits), at_most(value, digits)
    assert below <= value <= above
    for rounded in (above, below):
        assert len(Decimal(repr(rounded)).normalize().as_tuple().digits) <= digits
        assert abs(Decimal(rounded) - Decimal(value)) <= abs(Decimal(value)) * Decimal(10) ** (1 - digits) + Decimal(
            "5e-324"
        )
