import pytest

from vesalius.codec.token_plan import _last


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_the_last_place_that_fits(count):
    for fitting in range(count + 1):
        assert _last(lambda n, fitting=fitting: n < fitting, count) == fitting - 1
