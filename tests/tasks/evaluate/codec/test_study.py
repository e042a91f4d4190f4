import gzip
import math
import zlib

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from tasks.evaluate.codec.fake import STEPS, FakeCodec, cine, cine_scan, write_cohort
from vesalius.errors import UsageError
from vesalius.metrics.error import SquaredError, peak
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import (
    METHODS,
    as_16_bit,
    compressed_bytes,
    evaluate_study,
    measure,
)

CONFIG = CodecEvaluationConfig(coders=("svtav1", "x265"), lossless=("jpegxl", "unable"), points=5)


BOX = (slice(6, 18), slice(5, 16), slice(1, 3))


def quiet(line):
    pass


@pytest.fixture
def study(tmp_path):
    return find_studies([write_cohort(tmp_path / "cohort", patients=1)])[0]


def test_everything_measured_on_one_study(study, tmp_path):
    codec, told = FakeCodec(), []
    result = evaluate_study(study, codec, CONFIG, told.append, threads=2, figures=tmp_path)
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
    result = evaluate_study(study, FakeCodec(), CONFIG, quiet, threads=2)
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
        evaluate_study(study, Careless(), CONFIG, quiet, threads=2)


def opened(scan):
    return Study("set", "one", None, lambda: scan, 1)


def test_scans_without_masks_time_or_whole_numbers():
    scan = Scan.from_array(np.random.default_rng(0).normal(size=(12, 11, 3)).astype(np.float32))
    result = evaluate_study(opened(scan), FakeCodec({"x": 1.0}), CodecEvaluationConfig(("x",), (), 3), quiet, threads=1)
    assert result.heart is None
    assert all(point.heart is None and point.whole.temporal_error is None for point in result.points)
    assert result.gzip6_bytes is None
    assert {one.why_not for one in result.exact} == {"the values are no 16-bit integers"}


def test_a_constant_scan_is_measured():
    scan = Scan.from_array(np.full((12, 11, 3), 64, np.int16))
    result = evaluate_study(opened(scan), FakeCodec({"x": 1.0}), CodecEvaluationConfig(("x",), (), 3), quiet, threads=1)
    assert result.peak == 0
    assert {point.whole.psnr_db for point in result.points} <= {math.inf, -math.inf}


def test_complex_values_are_refused():
    with pytest.raises(UsageError, match="complex"):
        evaluate_study(opened(Scan.from_array(np.ones((3, 3, 3), complex))), FakeCodec(), CONFIG, quiet, threads=2)


def test_16_bit_integers_are_taken_as_a_nifti_file_holds_them():
    stored = cine()
    image = nib.Nifti1Image(stored[0].transpose(1, 2, 3, 0), np.eye(4))
    assert image.to_bytes().endswith(as_16_bit(stored).tobytes())


@pytest.mark.parametrize("dtype", ["u1", "i1", "?", "i2", "u2", "i4", "u8", "f4", "f8", ">i2", ">f4"])
@given(data=st.data())
def test_whole_numbers_are_kept(dtype, data):
    low, high = (0, 1) if dtype == "?" else (-128, 127) if dtype == "i1" else (0, 255)
    array = np.array(data.draw(st.lists(st.integers(low, high), min_size=4, max_size=4))).reshape(1, 1, 2, 1, 2)
    plain = as_16_bit(array.astype(dtype))
    assert plain.dtype.itemsize == 2
    assert plain.astype(int).tolist() == array.transpose(0, 1, 4, 3, 2).ravel().tolist()


@pytest.mark.parametrize("values", [[0.5, 1], [np.nan, 1], [np.inf, 0], [-1, 40000], [0, 65536], [1e300, 0]])
def test_what_is_not_16_bit(values):
    assert as_16_bit(np.array(values).reshape(1, 1, 2, 1, 1)) is None
    assert as_16_bit(np.ones((1, 1, 2, 1, 1), dtype=complex)) is None


def test_unsigned_where_it_must_be():
    assert as_16_bit(np.array([0, 65535.0]).reshape(1, 1, 2, 1, 1)).tolist() == [0, 65535]


def test_sizes_are_those_of_the_tools():
    values = as_16_bit(cine())
    data = values.tobytes()
    assert [compressed_bytes(method, values) for method in METHODS] == [
        len(imagecodecs.zstd_encode(data, level=19)),
        len(zlib.compress(data, 9)) + 12,  # a gzip member has a head and tail of 18 bytes, a zlib stream of 6
        len(gzip.compress(data, 6, mtime=0)),
    ]


def mean_ssim(reference, restored, data_range):
    pictures = [
        structural_similarity(reference[0, t, :, :, k].T, restored[0, t, :, :, k].T, win_size=7, data_range=data_range)
        for t in range(reference.shape[1])
        for k in range(reference.shape[4])
    ]
    return np.mean(pictures)


@pytest.mark.parametrize("threads", [1, 3])
def test_measures_of_both_regions(threads):
    scan = cine_scan()
    stored = scan.stored() + np.random.default_rng(9).integers(-20, 20, scan.shape).astype(np.int16)
    height = peak(scan.values())
    whole, heart = measure(scan, stored, height, BOX, threads)
    inside = (slice(None), slice(None), *BOX)
    for found, part in ((whole, ...), (heart, inside)):
        reference, restored = scan.stored()[part].astype(float), stored[part].astype(float)
        assert found.psnr_db == pytest.approx(SquaredError.of(reference, restored).psnr(height))
        assert found.ssim == pytest.approx(mean_ssim(reference, restored, height))
        assert found.max_error == np.abs(reference - restored).max()
        assert found.temporal_error == pytest.approx(
            SquaredError.of(np.diff(reference, axis=1), np.diff(restored, axis=1)).rmse
        )


def test_measures_are_in_real_values():
    scan = cine_scan(intensity=Intensity.linear(0.5, -100.0))
    whole, heart = measure(scan, scan.stored() + np.int16(4), 100.0, None, 1)
    assert heart is None
    assert whole.max_error == 2
    assert whole.psnr_db == pytest.approx(20 * np.log10(100 / 2))
    assert whole.temporal_error == 0


def test_no_temporal_error_where_t_is_not_time():
    scan = Scan.from_array(cine(), np.eye(4))
    whole, _ = measure(scan, scan.stored(), 100.0, None, 1)
    assert whole.temporal_error is None
    assert (whole.psnr_db, whole.ssim, whole.max_error) == (np.inf, pytest.approx(1), 0)


def test_pictures_too_small_for_ssim():
    scan = Scan.from_array(np.arange(12.0).reshape(1, 1, 2, 2, 3))
    whole, _ = measure(scan, scan.stored() + 1, 11.0, None, 1)
    assert np.isnan(whole.ssim)
    assert whole.max_error == 1
