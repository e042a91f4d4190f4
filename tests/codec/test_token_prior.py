from decimal import Decimal, localcontext

import numpy as np
import pytest

from codec.token_tables import cell_tables
from vesalius.codec.token_prior import FAR, TokenPrior, chance_table, log_table
from vesalius.errors import InputError


def test_chances_are_the_logistic_function():
    with localcontext() as context:
        context.prec = 40
        exact = [65536 / (1 + (Decimal(-odds) / 256).exp()) for odds in range(-FAR, FAR + 1)]
        wanted = [min(max(int(chance.to_integral_value()), 1), 65535) for chance in exact]
        apart = min(abs(chance % 1 - Decimal("0.5")) for chance in exact)
    assert apart > Decimal("1e-7")  # no chance lies so near to a half that rounding could differ
    np.testing.assert_array_equal(chance_table(), wanted)


def test_logs_are_near_the_logarithm():
    n = np.arange(65536)
    exact = 16 * np.log2(1 + n)
    assert (log_table() <= exact + 1e-9).all()
    assert (exact - log_table()).max() < 2.5
    np.testing.assert_array_equal(log_table()[(1 << np.arange(17)) - 1], 16 * np.arange(17))


def test_tables_of_a_codebook():
    assert TokenPrior.of({"codes": np.array([4096])}).limits() == (0, 4095)
    assert TokenPrior.of(cell_tables(3)).qualities == (30, 40)
    assert TokenPrior.of(cell_tables(3)).components == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codes": np.array([5])}, "tables of a tokenizer are"),
        ({"tail": None}, "tables of a tokenizer are"),
        ({"tail": np.zeros(13, int)}, "'tail'"),
        ({"tail": np.zeros(14)}, "'tail'"),
        ({"tail": np.full(14, 1 << 20)}, "outside"),
        ({"bias": np.zeros((3, 200), int)}, "impossible size"),
        ({"bias": np.int64(3)}, "impossible size"),
        ({"weights": np.zeros((31, 5), int)}, "'weights'"),
        ({"related": np.array([[0, -1, -1]] * 3)}, "later"),
        ({"rates": np.array([-1, 0, 0])}, "outside"),
        ({"qualities": np.array([], int)}, "impossible size"),
    ],
)
def test_impossible_tables_are_refused(changes, words):
    tables = {**cell_tables(3), **changes}
    tables = {name: table for name, table in tables.items() if table is not None}
    with pytest.raises(InputError, match=words):
        TokenPrior.of(tables)


@pytest.mark.parametrize("codes", [np.array([0]), np.array([1 << 30]), np.array([2, 3]), np.array([2.0])])
def test_impossible_codebooks_are_refused(codes):
    with pytest.raises(InputError, match="'codes'"):
        TokenPrior.of({"codes": codes})
