import pytest

from vesalius.errors import ConfigError
from vesalius.phantom.cine.options import GROUPS, CineOptions


def test_the_default_is_a_scanner_like_cohort_of_all_groups():
    options = CineOptions()
    assert set(options.groups) == set(GROUPS) == {"NOR", "DCM", "HCM", "MINF", "RV"}
    low, high = options.fov_mm
    assert low / options.size > 1.1
    assert high / options.size < 1.8


@pytest.mark.parametrize(
    ("key", "value"),
    [("frames", 3), ("size", 8), ("noise", -0.1), ("groups", ["ABC"]), ("groups", []), ("patients", 0),
     ("fov_mm", [360, 300]), ("fov_mm", [100, 300]), ("thickness_mm", [8, 40])],
)  # fmt: skip
def test_nonsense_is_one_line(key, value):
    with pytest.raises(ConfigError) as error:
        CineOptions.build(**{key: value})
    assert key in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_key_names_the_nearest():
    with pytest.raises(ConfigError, match="noise"):
        CineOptions.build(nois=0.1)
