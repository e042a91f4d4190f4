import numpy as np
import pytest

from vesalius.report.profile import profile


def test_a_line_for_each_key():
    png = profile({"any": np.array([0.1, 0.9]), "subdural": np.array([0.0, 0.4])}, np.array([0, 4]))
    assert png.startswith(b"\x89PNG")
    assert profile({"any": np.array([0.1, 0.9])}, np.array([0, 4])) != png


@pytest.mark.parametrize("lines", [{}, {"any": np.zeros(3)}])
def test_nothing_to_draw(lines):
    with pytest.raises(ValueError, match="no line"):
        profile(lines, np.arange(2))
