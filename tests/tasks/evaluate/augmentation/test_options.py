import pytest

from vesalius.errors import UsageError
from vesalius.tasks.evaluate.augmentation.options import AugmentationOptions


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"arms": ("synthetic",)}, "--arms: the arm real is what others are compared with"),
        ({"arms": ("real",)}, "--arms: the arm real is what others are compared with"),
        ({"arms": ("real", "fake")}, "--arms: there is no arm 'fake'; choose from real, classical, synthetic"),
        ({"arms": ("real", "real")}, "--arms: is empty or names something twice"),
        ({"seeds": ()}, "--seeds: is empty"),
        ({"seeds": (-1,)}, "--seeds: -1 is no seed"),
    ],
)
def test_what_does_not_fit_is_one_line(given, says):
    with pytest.raises(UsageError) as caught:
        AugmentationOptions(**given).check()
    assert str(caught.value).startswith(says)


def test_the_defaults_are_four_arms():
    options = AugmentationOptions()
    options.check()
    assert options.arms == ("real", "classical", "synthetic", "synthetic-only")
