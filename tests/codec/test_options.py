import pytest

from vesalius.codec.options import CompressConfig
from vesalius.codec.target import Lossless, MaxError, Psnr, Ratio
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
        ({"max_error": "much"}, "max-error"),
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
    with pytest.raises(TypeError, match="psrn"):
        CompressConfig(psrn=40)


def test_an_endless_target_is_refused():
    with pytest.raises(UsageError, match="not a positive number"):
        CompressConfig(psnr=float("inf"))
