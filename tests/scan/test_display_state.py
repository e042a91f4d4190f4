import numpy as np
import pytest

from vesalius.scan.display_state import VoiTable, VoiWindow


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", lambda x: min(1, max(0, (x - 99.5) / 49 + 0.5))),
        ("LINEAR_EXACT", lambda x: min(1, max(0, (x - 100) / 50 + 0.5))),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 100) / 50))),
    ],
)
def test_functions_of_the_standard(function, expected):
    values = np.arange(60, 140).astype(np.float32)
    np.testing.assert_allclose(
        VoiWindow(100, 50, function).levels(values), [expected(x) for x in values.tolist()], rtol=1e-12
    )


def test_far_values_are_black_or_white():
    far = np.array([-1e30, 1e30])
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        np.testing.assert_array_equal(VoiWindow(0, 2, function).levels(far), [0, 1])
    table = VoiTable(5, 8, np.array([10, 200], "<u2").tobytes())
    np.testing.assert_allclose(table.levels(far), [10 / 255, 200 / 255])


def test_values_between_entries_take_the_nearest():
    table = VoiTable(-1, 8, np.array([0, 51, 255], "<u2").tobytes())
    np.testing.assert_allclose(table.levels(np.array([-0.6, -0.4, 0.4, 0.6])), [0, 0.2, 0.2, 1])


def test_entries_beyond_their_bits_are_white():
    assert VoiTable(0, 8, np.array([300, 300], "<u2").tobytes()).levels(np.zeros(1)).item() == 1
