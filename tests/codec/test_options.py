import pytest

from vesalius.codec.options import CompressConfig
from vesalius.codec.target import Lossless, MaxError, Psnr, Ratio
from vesalius.errors import ConfigError, UsageError


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
    assert CompressConfig.build(**options).targets() == targets


def test_lossy_targets_exclude_one_another():
    with pytest.raises(UsageError, match="exclude one another"):
        CompressConfig.build(psnr=40, ratio=3).targets()


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
        ({"psrn": 40}, "did you mean 'psnr'"),
    ],
)
def test_impossible_options_are_named(options, key):
    with pytest.raises(ConfigError, match=key) as caught:
        CompressConfig.build(**options)
    assert len(str(caught.value).splitlines()) == 1


def test_an_endless_target_is_refused():
    with pytest.raises(UsageError, match="not a positive number"):
        CompressConfig.build(psnr=float("inf")).targets()
