import math

import pytest

from tasks.evaluate.codec.fake import study
from vesalius.tasks.evaluate.codec.equal_bytes import BYTES_PER_FRAME, equal_bytes, read_at_bytes
from vesalius.tasks.evaluate.codec.results import Measures


def with_coder(base, name, sizes, decibels, temporal=None):
    """A study with a further coder: bytes of its tiers for 100 pictures, and PSNR; the heart lies 4 dB below."""
    template = base.points[0]
    points = []
    for number, (size, db) in enumerate(zip(sizes, decibels, strict=True)):
        error = None if temporal is None else temporal[number]
        whole, heart = (
            Measures(psnr_db=value, ssim=0.5 + value / 100, max_error=1.0, temporal_error=error)
            for value in (db, db - 4)
        )
        facts = {"coder": name, "tier_bytes": size, "size_bytes": size + 400, "whole": whole, "heart": heart}
        points.append(template.model_copy(update=facts))
    return base.model_copy(update={"points": (*base.points, *points)})


def test_values_lie_on_the_line_through_the_files():
    """svtav1: 640 / ratio bytes per frame, 50 dB at 128 bytes, 4 dB less for each halving; x265 needs 1.25 as many."""
    result = study("a")
    for at in (12, 30, 50, 100):
        expected = 50 - 4 * math.log2(128 / at)
        assert read_at_bytes(result, "svtav1", "whole", "psnr_db", at) == pytest.approx(expected, abs=0.01)
        assert read_at_bytes(result, "svtav1", "heart", "psnr_db", at) == pytest.approx(expected - 4, abs=0.01)
    assert read_at_bytes(result, "svtav1", "whole", "psnr_db", 128) == 50
    assert read_at_bytes(result, "svtav1", "whole", "psnr_db", 139) is None
    assert read_at_bytes(result, "absent", "whole", "psnr_db", 30) is None
    assert read_at_bytes(study("a", heart=None), "svtav1", "heart", "psnr_db", 30) is None


def test_a_larger_file_that_is_no_better_counts_as_the_smaller_one():
    """A coded mean frame gains nothing from some point on: it does not end there."""
    result = with_coder(study("a"), "mean", (1000, 2000, 6000), (26.0, 28.0, 27.9))
    assert read_at_bytes(result, "mean", "whole", "psnr_db", 30) == 28
    assert read_at_bytes(result, "mean", "whole", "psnr_db", 60) == 28
    assert read_at_bytes(result, "mean", "whole", "psnr_db", 61) is None


def test_the_temporal_error_need_not_fall():
    result = with_coder(study("a"), "x", (1000, 4000), (20.0, 30.0), temporal=(2.0, 3.0))
    assert read_at_bytes(result, "x", "whole", "temporal_error", 20) == pytest.approx(2.5)
    assert read_at_bytes(result, "svtav1", "whole", "temporal_error", 20) is None


def test_differences_to_peers():
    results = [with_coder(study(name), "tokens:m", (1000, 5000), (40.0, 48.0)) for name in ("a", "b")]
    equal = equal_bytes(results)
    found = {(each.region, each.coder, each.peer): each for each in equal.differences}
    assert len(found) == 2 * 2 * 2  # regions, peers, coders other than the peer
    lead = found["heart", "x265", "svtav1"]
    assert lead.at[50].mean == pytest.approx(-4 * math.log2(1.25), abs=0.01)
    assert lead.at[139].mean is None
    tokens = found["whole", "tokens:m", "svtav1"]
    at_30 = 40 + 8 * math.log(3) / math.log(5)
    assert tokens.at[30].mean == pytest.approx(at_30 - (50 - 4 * math.log2(128 / 30)), abs=0.02)
    assert tokens.at[74].mean is None
    assert tokens.at_floor.mean is None  # the floor of svtav1, 0.5 bytes, lies below the tokens
    floor = found["whole", "svtav1", "x265"].at_floor
    assert floor.mean is not None
    assert tokens.at_own.values == {}


def test_the_floor_of_a_peer():
    result = with_coder(study("a"), "mean", (3200, 6400), (35.0, 36.0))
    (floor,) = [each.at_floor for each in equal_bytes([result]).differences if each.region == "whole" and
                (each.coder, each.peer) == ("svtav1", "mean")]  # fmt: skip
    assert floor.values == {"a": pytest.approx(42 - 35)}  # svtav1 at 32 bytes


def test_a_coder_with_one_rate_point_is_compared_at_its_bytes():
    result = with_coder(study("a"), "tokens:m", (3200,), (40.0,))
    (found,) = [each for each in equal_bytes([result]).differences if each.region == "whole" and
                (each.coder, each.peer) == ("tokens:m", "svtav1")]  # fmt: skip
    assert found.at_own.values == {"a": pytest.approx(40 - 42)}
    assert {spread.mean for spread in found.at.values()} == {None}


def test_bytes_on_disk():
    result = with_coder(study("a"), "tokens:m", (1000, 5000), (40.0, 48.0))
    tokens = equal_bytes([result]).on_disk[-1]
    assert (tokens.coder, tokens.least_tier.mean, tokens.least_file.mean) == ("tokens:m", 10, 14)
    assert (tokens.most_tier.mean, tokens.most_file.mean, tokens.around.mean) == (50, 54, 400)
    assert tokens.tokens.mean is None
    assert tuple(equal_bytes([result]).coders[0].at) == BYTES_PER_FRAME
