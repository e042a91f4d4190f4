import math

import numpy as np
import pytest

from tasks.evaluate.codec.fake import STEPS, FakeCodec, cine, write_cohort
from vesalius.errors import UsageError
from vesalius.metrics.error import SquaredError, peak
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import EvaluationPlan, evaluate_study

PLAN = EvaluationPlan(coders=("svtav1", "x265"), lossless=("jpegxl", "unable"), points=5, threads=2)


def quiet(line):
    pass


@pytest.fixture
def study(tmp_path):
    return find_studies([write_cohort(tmp_path / "cohort", patients=1)])[0]


def test_everything_measured_on_one_study(study, tmp_path):
    codec, told = FakeCodec(), []
    result = evaluate_study(study, codec, PLAN, told.append, tmp_path)
    array, height = cine(1).astype(float), peak(cine(1))
    assert (result.voxels, result.peak, result.shape) == (array.size, height, array.shape)
    assert result.heart == ((4, 20), (4, 16), (0, 4))
    points = result.of("x265")
    assert 5 <= len(points) <= 9
    assert [point.step for point in points] == sorted(point.step for point in points)
    for point in points:
        assert point.step in STEPS
        restored = np.rint(np.rint(array / point.step) * point.step)
        assert point.whole.psnr_db == pytest.approx(SquaredError.of(array, restored).psnr(height))
        box = (..., slice(4, 20), slice(4, 16), slice(0, 4))
        assert point.heart.psnr_db == pytest.approx(SquaredError.of(array[box], restored[box]).psnr(height))
        assert point.size_bytes == round(1.25 * array.size / point.step**0.75)
        assert point.ratio == 2 * array.size / point.size_bytes
        assert (point.encode_ms, point.decode_ms) == (pytest.approx(200 / 24), pytest.approx(100 / 24))
        assert point.whole.temporal_error is not None
    assert len(codec.calls) == len(result.points) == len([line for line in told if " dB" in line])
    assert all(line.startswith("cohort/patient001: ") for line in told)
    assert all("frame 4, slice 1" in picture.caption for picture in result.pictures)


def test_lossless_rows(study):
    result = evaluate_study(study, FakeCodec(), PLAN, quiet)
    rows = {one.method: one for one in result.exact}
    assert list(rows) == ["jpegxl", "unable", "zstd-19", "gzip-9", "gzip-6"]
    assert rows["jpegxl"].size_bytes == result.voxels
    assert (rows["unable"].size_bytes, rows["unable"].why_not) == (None, "unable codes up to 8 bits")
    assert result.gzip6_bytes == rows["gzip-6"].size_bytes
    assert result.pictures == ()


def test_a_codec_that_loses_a_bit_is_a_bug(study):
    class Careless(FakeCodec):
        def lossless(self, scan, coder, threads):
            coded = super().lossless(scan, coder, threads)
            coded.stored_CTIJK.flat[7] += 1
            return coded

    with pytest.raises(AssertionError, match="bit for bit"):
        evaluate_study(study, Careless(), PLAN, quiet)


def opened(scan):
    return Study("set", "one", None, lambda: scan, 1)


def test_scans_without_masks_time_or_whole_numbers():
    scan = Scan.from_array(np.random.default_rng(0).normal(size=(12, 11, 3)).astype(np.float32))
    result = evaluate_study(opened(scan), FakeCodec({"x": 1.0}), EvaluationPlan(("x",), (), 3, 1), quiet)
    assert result.heart is None
    assert all(point.heart is None and point.whole.temporal_error is None for point in result.points)
    assert result.gzip6_bytes is None
    assert {one.why_not for one in result.exact} == {"the values are no 16-bit integers"}


def test_a_constant_scan_is_measured():
    scan = Scan.from_array(np.full((12, 11, 3), 64, np.int16))
    result = evaluate_study(opened(scan), FakeCodec({"x": 1.0}), EvaluationPlan(("x",), (), 3, 1), quiet)
    assert result.peak == 0
    assert {point.whole.psnr_db for point in result.points} <= {math.inf, -math.inf}


def test_complex_values_are_refused():
    with pytest.raises(UsageError, match="complex"):
        evaluate_study(opened(Scan.from_array(np.ones((3, 3, 3), complex))), FakeCodec(), PLAN, quiet)
