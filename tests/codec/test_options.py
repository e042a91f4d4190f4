import math

import pytest

from vesalius.codec.options import CompressConfig, Lossless, MaxError, Psnr, Quality, Ratio
from vesalius.errors import UsageError


@pytest.mark.parametrize(
    ("options", "targets"),
    [
        ({}, [Lossless()]),
        ({"lossless": True}, [Lossless()]),
        ({"psnr": 40}, [Psnr(40)]),
        ({"ratio": 20}, [Ratio(20)]),
        ({"max_error": 5}, [MaxError(5)]),
        ({"lossless": True, "psnr": 40}, [Lossless(), Psnr(40)]),
    ],
)
def test_targets(options, targets):
    assert CompressConfig(**options).targets() == targets


def test_lossy_targets_exclude_one_another():
    with pytest.raises(UsageError, match="exclude one another"):
        CompressConfig(psnr=40, ratio=3)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"psnr": 0}, "psnr"),
        ({"psnr": float("nan")}, "psnr"),
        ({"ratio": -2}, "ratio"),
        ({"max_error": "much"}, "max_error"),
        ({"effort": "more"}, "effort"),
        ({"access": "voxel"}, "access"),
        ({"identifiers": "all"}, "identifiers"),
        ({"threads": 0}, "threads"),
    ],
)
def test_impossible_options_are_named(options, key):
    with pytest.raises(UsageError, match=key) as caught:
        CompressConfig(**options)
    assert len(str(caught.value).splitlines()) == 1


def test_a_misspelt_option_is_named():
    with pytest.raises(UsageError, match=r"psrn.*did you mean psnr"):
        CompressConfig(psrn=40)


def test_an_endless_target_is_refused():
    with pytest.raises(UsageError, match="not a positive number"):
        CompressConfig(psnr=float("inf"))


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
