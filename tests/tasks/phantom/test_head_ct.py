import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.phantom.head_ct import lines, phantom_head_ct

SMALL = ("matrix=64", "slices=12", "thickness_mm=12")


def test_a_cohort_with_what_is_known_of_it(tmp_path):
    result = phantom_head_ct(
        tmp_path / "out", 2, 1, (*SMALL, "prevalence={any: 1, subdural: 1}", "studies_per_patient=[1, 1]")
    )
    assert (result["patients"], result["studies"], result["positive"]["any"]) == (2, 2, 2)
    assert next(iter(lines(result))).startswith("2 patients, 2 studies; positive: any 2")


def test_what_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"prevalence\.subdual: no such key; did you mean 'subdural'"):
        phantom_head_ct(tmp_path / "out", 1, 0, ("prevalence.subdual=0.1",))
    with pytest.raises(ConfigError, match="no single type can be more frequent than any"):
        phantom_head_ct(tmp_path / "out", 1, 0, ("prevalence.any=0.01",))
