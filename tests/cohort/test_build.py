import pytest

from cohort.audit.planted import sound
from vesalius.cohort.build import LAYOUTS, build_cohort
from vesalius.errors import InputError, UsageError


def test_layouts_and_options_that_are_not_there(tmp_path):
    with pytest.raises(UsageError, match="no layout 'adcd'; did you mean 'acdc'"):
        build_cohort("adcd", tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        build_cohort("acdc", tmp_path / "none")
    with pytest.raises(UsageError, match="has no options"):
        build_cohort("acdc", tmp_path, ["x=1"])
    with pytest.raises(InputError, match="is of no known layout"):
        build_cohort("auto", tmp_path)


def test_auto_takes_the_first_that_fits(tmp_path):
    sound(tmp_path)
    cohort = build_cohort("auto", tmp_path)
    assert cohort.notes[0] == "taken for the layout images"
    assert len(cohort) == 20
    with pytest.raises(UsageError, match="name the layout instead of auto"):
        build_cohort("auto", tmp_path, ["patient=x"])
    assert list(LAYOUTS)[-1] == "images"  # takes anything, so it comes last
