import json
import shutil
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tasks.evaluate.codec.fake import cine
from tasks.evaluate.codec.fake_tokens import tokenizer_folder
from tasks.evaluate.codec.test_judge import model as segmenter_folder
from vesalius.codec.coders.table import coder
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError, UsageError
from vesalius.scan.nifti import read as nifti
from vesalius.tasks.evaluate.codec.adapter import CRFS, PREFIXES, VslCodec
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
    for name in ("nonsense", "auto", "tokens", "means:tokenize/cine_cycle"):
        with pytest.raises(UsageError, match=f"--coders {name}: no such coder.*svtav1, mean, tokens:MODEL") as error:
            codec.ladder(name)
        assert "auto'" not in str(error.value)
    with pytest.raises(UsageError, match="tokens: names no model; give tokens:MODEL"):
        codec.ladder("tokens:")


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


def test_tokens_over_their_quality(scan, tmp_path):
    codec, name = VslCodec(), f"tokens:{tokenizer_folder(tmp_path / 'tiny')}"
    assert codec.name(name) == "tokens:tiny"
    assert codec.ladder(name) == (6, 5, 4, 3)
    best, worst = (codec.lossy(scan, name, step, 1) for step in (6.0, 3.0))
    assert best.tier_bytes > worst.tier_bytes
    assert 0 < worst.size_bytes - worst.tier_bytes < 1000
    assert best.tokens == worst.tokens == 4 * (5 * 6) * 4  # slices, cells of 4 x 4 pixels, components
    errors = [np.square(coded.stored_CTIJK.astype(float) - cine()).mean() for coded in (best, worst)]
    mean = codec.lossy(scan, "mean", 20.0, 1)
    assert errors[0] <= errors[1] < np.square(mean.stored_CTIJK.astype(float) - cine()).mean()


def test_tokens_of_one_quality_over_their_prefixes(scan, tmp_path):
    codec, name = VslCodec(), f"tokens:{tokenizer_folder(tmp_path / 'tiny', single=True)}"
    assert codec.ladder(name) == PREFIXES
    whole, half, least = (codec.lossy(scan, name, share, 1) for share in (1.0, 0.5, PREFIXES[-1]))
    assert [coded.tokens for coded in (whole, half, least)] == [480, 240, 120]
    assert whole.tier_bytes > half.tier_bytes > least.tier_bytes


def test_the_coded_mean_stands_still(scan):
    codec = VslCodec()
    assert codec.ladder("mean") == CRFS
    fine, coarse = (codec.lossy(scan, "mean", crf, 1) for crf in (5.0, 60.0))
    assert fine.tier_bytes > coarse.tier_bytes
    assert fine.tokens is None
    stored = fine.stored_CTIJK
    assert (stored == stored[:, :1]).all()
    low, high = np.percentile(cine(), (0.1, 99.9))
    wanted = np.clip(cine(), low, high).mean(axis=1)
    assert np.abs(stored[:, 0] - wanted).mean() < 0.01 * (high - low)


def test_names_and_keys_of_models(tmp_path):
    codec = VslCodec()
    folder = tokenizer_folder(tmp_path / "run" / "model")
    assert codec.name(f"tokens:{folder}") == codec.name(f"tokens:{tmp_path / 'run'}") == "tokens:run"
    assert codec.name("tokens:tokenize/of_the_zoo") == "tokens:tokenize/of_the_zoo"
    other = tokenizer_folder(tmp_path / "other" / "model", components=3)
    assert codec.key(f"tokens:{folder}") != codec.key(f"tokens:{other}").replace("other", "run")
    assert str(tmp_path) not in codec.key(f"tokens:{folder}")


def test_models_that_are_none(tmp_path):
    codec = VslCodec()
    with pytest.raises(InputError, match="neither a folder nor a model"):
        codec.ladder("tokens:no-such-model")
    with pytest.raises(InputError):
        codec.ladder(f"tokens:{segmenter_folder(tmp_path / 'segmenter')}")
    folder = tokenizer_folder(tmp_path / "tiny")
    other = tokenizer_folder(tmp_path / "other" / "tiny")
    for second, fix in ((folder, "name it once"), (other, "rename a model folder")):
        config = CodecEvaluationConfig(coders=(f"tokens:{folder}", f"tokens:{second}"))
        with pytest.raises(UsageError, match=f"two coders are called tokens:tiny; {fix}"):
            evaluate_codec([tmp_path], tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_a_model_of_another_modality(scan, tmp_path):
    codec, ct = VslCodec(), replace(scan, modality="CT")
    folder = Path(tokenizer_folder(tmp_path / "tiny"))
    assert codec.caveat(ct, f"tokens:{folder}") is None
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings["settings"] = {"modality": "MR"}
    other = tmp_path / "mr"
    shutil.copytree(folder, other)
    (other / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    assert "was trained on MR, this scan is CT" in codec.caveat(ct, f"tokens:{other}")
    assert codec.caveat(scan, f"tokens:{other}") is codec.caveat(ct, "mean") is None
    assert "was trained on MR, this scan is CT" in codec.caveat(ct, "tokens:tokenize/cine_cycle")


def test_tokens_beside_other_coders(scan, tmp_path):
    """The whole command: a model, the mean and a still coder on a file of our own."""
    name = f"tokens:{tokenizer_folder(tmp_path / 'tiny')}"
    config = CodecEvaluationConfig(coders=("mean", name), lossless=(), points=2, claims=True)
    evaluation = evaluate_codec([tmp_path / "a.nii.gz"], tmp_path / "run", config, threads=1)
    (data_set,) = evaluation.results.data_sets
    assert evaluation.failed == []
    assert {coder.coder for coder in data_set.coders} == {"mean", "tokens:tiny"}
    assert {(each.coder, each.peer) for each in data_set.equal.differences} == {("tokens:tiny", "mean")}
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "tokens of a study" in page
    assert str(tmp_path) not in page


def test_a_still_scan_through_tokens(tmp_path):
    nib.save(nib.Nifti1Image(cine()[0, 0], np.eye(4)), tmp_path / "still.nii")
    scan = nifti.read(tmp_path / "still.nii")
    name = f"tokens:{tokenizer_folder(tmp_path / 'tiny')}"
    for coder_name, step in ((name, 6.0), ("mean", 20.0)):
        assert VslCodec().lossy(scan, coder_name, step, 1).stored_CTIJK.shape == scan.shape
