import math

import pytest

from vesalius.codec.target import Lossless, MaxError, Psnr, Quality, Ratio
from vesalius.errors import UsageError


@pytest.mark.parametrize("kind", [Psnr, Ratio, MaxError])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, -math.inf])
def test_targets_are_positive_numbers(kind, value):
    with pytest.raises(UsageError, match="not a positive number"):
        kind(value)


def test_targets_say_what_was_asked():
    shown = [target.words for target in (Lossless(), Psnr(40), Ratio(20.5), MaxError(5), Quality(30))]
    assert shown == ["lossless", "PSNR 40 dB", "ratio 20.5:1", "max error 5", "quality 30"]


def test_the_option_is_named():
    for kind, option in [(Psnr, "--psnr"), (Ratio, "--ratio"), (MaxError, "--max-error")]:
        with pytest.raises(UsageError) as caught:
            kind(-1)
        assert caught.value.where == option
