import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"arms": ("scratch", "random")}, "--arms: there is no arm 'random'; choose from scratch, pretrained, probe"),
        ({"shares": (0.0,)}, "--shares: 0 is not a percentage"),
        ({"shares": (110.0,)}, "--shares: 110 is not a percentage"),
        ({"shares": ()}, "--shares: is empty or names something twice"),
        ({"seeds": (1, 1)}, "--seeds: is empty or names something twice"),
        ({"seeds": (-1,)}, "--seeds: -1 is no seed"),
        ({"address": "auto"}, "--address: belongs to --engine ray"),
    ],
)
def test_options_that_do_not_fit_are_one_line(given, message):
    with pytest.raises(UsageError) as caught:
        EfficiencyOptions(**given).check()
    assert str(caught.value).startswith(message)


def test_the_defaults_fit():
    EfficiencyOptions().check()
    EfficiencyOptions(engine="ray", address="auto").check()
