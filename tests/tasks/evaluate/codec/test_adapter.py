import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.codec.fake import cine
from vesalius.codec.coders.table import coder
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import UsageError
from vesalius.scan.nifti import read as nifti
from vesalius.tasks.evaluate.codec.adapter import VslCodec
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.run import evaluate_codec


@pytest.fixture
def scan(tmp_path):
    nib.save(nib.Nifti1Image(cine()[0].transpose(1, 2, 3, 0), np.diag([1.5, 2.0, 8.0, 1.0])), tmp_path / "a.nii.gz")
    return nifti.read(tmp_path / "a.nii.gz")


def test_lossless_comes_back_whole(scan):
    coded = VslCodec().lossless(scan, "jpegls", 2)
    assert np.array_equal(coded.stored_CTIJK, cine())
    assert coded.stored_CTIJK.dtype == np.int16
    assert 0 < coded.size_bytes < cine().nbytes
    assert coded.encode_seconds > 0
    assert coded.decode_seconds > 0


def test_a_step_is_what_the_codec_makes_of_it(scan, tmp_path):
    step = coder("jpeg2000").qualities[20]
    coded = VslCodec().lossy(scan, "jpeg2000", step, 1)
    made = compress_scan(scan, tmp_path / "a.vsl", CompressConfig(quality=step, coder="jpeg2000", threads=1))
    assert coded.size_bytes == made.bytes_written
    assert np.array_equal(coded.stored_CTIJK, decode_scan(tmp_path / "a.vsl").stored())


def test_ladders():
    codec = VslCodec()
    assert codec.ladder("svtav1") == coder("svtav1").qualities
    with pytest.raises(UsageError, match="lossless only"):
        codec.ladder("deflate")
    with pytest.raises(UsageError, match="no such coder"):
        codec.ladder("nonsense")


def test_the_whole_evaluation_on_files_of_our_own(scan, tmp_path):
    config = CodecEvaluationConfig(coders=("jpeg2000",), lossless=("jpegls",), points=2)
    evaluation = evaluate_codec([tmp_path / "a.nii.gz"], tmp_path / "run", config, threads=2)
    (data_set,) = evaluation.results.data_sets
    assert data_set.coders[0].ratio_at_db[35].mean > 1
    assert data_set.lossless["jpegls"].mean > 1
    assert evaluation.failed == []


def test_the_bytes_of_a_tier_are_those_of_its_chunks_in_the_file(scan, tmp_path):
    """A chunk is a slice: head, checksum and payload; around them the file differs by its header only."""
    step = coder("jpeg2000").qualities[20]
    coded = VslCodec().lossy(scan, "jpeg2000", step, 1)
    compress_scan(scan, tmp_path / "a.vsl", CompressConfig(quality=step, coder="jpeg2000", threads=1))
    data, heads = (tmp_path / "a.vsl").read_bytes(), []
    for index in range(4):
        mark = bytes([0xB5, ord("V"), index << 4])  # marker, then chunk `index` of tier 0
        heads.append(data.index(mark, heads[-1] if heads else 0))
    tail = data.index(bytes([0xB5, ord("V"), 10]), heads[-1])
    assert coded.tier_bytes == tail - heads[0]
