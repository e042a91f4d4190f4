import json
import math

import numpy as np
import pytest

from vesalius.tasks.evaluate.codec.results import Exact, Measures, Point, StudyResult
from vesalius.tasks.evaluate.codec.summary import Summary, summarise

RATIOS = [5.0, 20.0, 80.0, 320.0, 1280.0]


def study(name, *, data_set="cine", shift=0.0, heart=-4.0, share=1.25, exact=(), frames=10):
    """Two coders whose PSNR is a line in the log ratio: 50 dB at 5:1 plus shift, 4 dB less for each doubling."""

    def points(coder, factor):
        for ratio in RATIOS:
            db = 50 + shift - 4 * math.log2(ratio / 5)
            measures = [
                Measures(psnr_db=db + down, ssim=0.5 + (db + down) / 120, max_error=1.0, temporal_error=None)
                for down in (0.0, heart or 0.0)
            ]
            yield Point(
                coder=coder, step=ratio, size_bytes=1, ratio=ratio / factor, whole=measures[0],
                heart=measures[1] if heart else None, encode_ms=ratio, decode_ms=1.0 + shift,
            )  # fmt: skip

    return StudyResult(
        data_set=data_set, name=name, shape=(1, frames, 10, 10, 10), voxels=1000, source_bytes=1, gzip6_bytes=1,
        peak=1.0,
        heart=((0, 1),) * 3 if heart else None, points=(*points("svtav1", 1.0), *points("x265", share)), exact=exact,
    )  # fmt: skip


def test_readings_of_a_line():
    (data_set,) = summarise([study("a"), study("b", shift=2.0)]).data_sets
    whole, heart = data_set.of("whole"), data_set.of("heart")
    assert [one.coder for one in whole] == ["svtav1", "x265"]
    at_40 = whole[0].ratio_at_db[40]
    assert at_40.values == {"a": pytest.approx(5 * 2**2.5), "b": pytest.approx(5 * 2**3)}
    assert at_40.mean == pytest.approx(np.mean([5 * 2**2.5, 5 * 2**3]))
    assert whole[1].ratio_at_db[40].mean == pytest.approx(at_40.mean / 1.25)
    assert heart[0].ratio_at_db[30].values["a"] == pytest.approx(5 * 2**4)
    assert whole[0].psnr_at_ratio[100].values["b"] == pytest.approx(52 - 4 * math.log2(20))
    assert whole[0].ssim_at_ratio[1000].values["a"] == pytest.approx(0.5 + (50 - 4 * math.log2(200)) / 120)


def test_delta_rates():
    (data_set,) = summarise([study("a"), study("b", shift=2.0, share=0.5)]).data_sets
    first, second = data_set.of("whole")
    assert first.delta_rate["x265"].values == {"a": pytest.approx(-20), "b": pytest.approx(100)}
    assert second.delta_rate["svtav1"].values == {"a": pytest.approx(25), "b": pytest.approx(-50)}
    assert "svtav1" not in first.delta_rate


def test_nothing_is_read_beyond_the_ends():
    (data_set,) = summarise([study("a"), study("b", shift=-12.0)]).data_sets
    at_40 = data_set.of("whole")[0].ratio_at_db[40]
    assert at_40.values == {"a": pytest.approx(5 * 2**2.5), "b": None}
    assert (at_40.present, at_40.mean) == (1, pytest.approx(5 * 2**2.5))
    assert data_set.of("whole")[1].psnr_at_ratio[1000].values["a"] is not None
    assert summarise([study("a", share=2.0)]).data_sets[0].of("whole")[1].psnr_at_ratio[1000].mean is None


def test_time_is_taken_near_the_claimed_ratio():
    (data_set,) = summarise([study("a")]).data_sets
    assert data_set.of("whole")[0].encode_ms.mean == 1280


def test_regions_without_masks_are_left_out():
    (data_set,) = summarise([study("a"), study("b", heart=None)]).data_sets
    assert list(data_set.of("heart")[0].ratio_at_db[40].values) == ["a"]
    (data_set,) = summarise([study("a", heart=None)]).data_sets
    assert data_set.of("heart") == []


def test_lossless_ratios_and_reasons():
    exact = (Exact(method="jpegxl", size_bytes=500), Exact(method="x265", size_bytes=None, why_not="14 bits"))
    first, second = summarise([study("a", exact=exact), study("b", data_set="other")]).data_sets
    assert first.lossless["jpegxl"].values == {"a": 4.0}
    assert first.lossless["x265"].mean is None
    assert first.why_no_lossless == {"x265": "14 bits"}
    assert second.lossless == {}
    assert [first.name, second.name] == ["cine", "other"]


def test_round_trip_as_strict_json():
    summary = summarise([study("a"), study("b", shift=-20.0)])
    text = json.dumps(summary.model_dump(mode="json"), allow_nan=False)
    assert Summary.model_validate(json.loads(text)) == summary
