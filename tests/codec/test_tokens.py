"""The tier of tokens, with a small tokenizer."""

import subprocess
import sys

import numpy as np
import pytest

from codec.scans import attempt, refused, scan_of, smooth
from codec.second_decoder import decode as second_decode
from codec.test_container import mutate
from vesalius.codec.compress import compress_scan
from vesalius.codec.container import VslReader
from vesalius.codec.decode import decode_all, describe, open_vsl
from vesalius.codec.options import CompressConfig
from vesalius.codec.verify import verify
from vesalius.errors import CorruptFileError, InputError, TargetError, UsageError
from vesalius.nets.table import NETS

torch = pytest.importorskip("torch")
from codec.tiny_tokens import save_tiny  # noqa: E402

CINE = smooth((1, 9, 26, 21, 3), np.uint16, 900)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setitem(NETS.homes, "tiny", "codec.tiny_tokens:TinyNet")
    monkeypatch.setenv("VESALIUS_MODELS", str(tmp_path / "models"))
    return save_tiny(tmp_path / "models" / "tiny")


def written(path, stored=CINE, facts=None, **options):
    done = compress_scan(scan_of(stored, **(facts or {})), path, CompressConfig(tier="tokens", threads=2, **options))
    return done, decode_all(open_vsl(path, "tokens"), 1)[0].stored()


def test_a_scan_comes_back_as_the_report_says(model, tmp_path):
    done, back = written(tmp_path / "a.vsl", model=str(model))
    (tier,) = done.tiers
    error = back.astype(float) - CINE
    low, high = np.percentile(CINE, [0.1, 99.9])
    assert tier.psnr_db == pytest.approx(20 * np.log10((high - low) / np.sqrt((error**2).mean())))
    assert tier.max_error == np.abs(error).max()
    still = written(tmp_path / "b.vsl", tokens=0, crf=int(tier.why.split()[1]))[0].tiers[0]
    assert tier.psnr_db > still.psnr_db + 3
    (check,) = verify(tmp_path / "a.vsl", scan_of(CINE))
    assert (check.name, check.tokens, check.checksum) == ("tokens", True, None)
    told = describe(tmp_path / "a.vsl")["tiers"][0]
    assert (told["model"], told["tokens"], told["coder"]) == ("tiny", 6, "tokens")


def test_one_chunk_holds_all_slices(model, tmp_path):
    written(tmp_path / "a.vsl", model=str(model))
    with VslReader(tmp_path / "a.vsl") as reader:
        assert len(reader.chunks(0)) == 1


def test_means_alone_need_no_model_and_no_torch(tmp_path):
    _, back = written(tmp_path / "a.vsl", tokens=0, crf=5)
    assert (back == back[:, :1]).all()
    mean = np.clip(CINE, *np.percentile(CINE, [0.1, 99.9])).mean(axis=1)
    assert np.abs(back[:, 0] - mean).mean() < 6
    np.testing.assert_array_equal(second_decode((tmp_path / "a.vsl").read_bytes()), back)
    code = (
        "import sys; from pathlib import Path; from vesalius.codec.verify import verify; "
        "verify(Path(sys.argv[1])); print(sorted({'torch', 'numba'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "a.vsl"], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_finer_qualities_and_more_tokens_are_better(model, tmp_path):
    reached = [
        written(tmp_path / f"{quality}.vsl", model=str(model), quality=quality, crf=30)[0].tiers[0]
        for quality in (1, 5, 30)
    ]
    assert reached[0].psnr_db > reached[1].psnr_db > reached[2].psnr_db
    assert reached[0].payload_bytes > reached[1].payload_bytes > reached[2].payload_bytes
    few, many = (
        written(tmp_path / f"n{n}.vsl", model=str(model), quality=1, crf=30, tokens=n)[0].tiers[0] for n in (1, 6)
    )
    assert few.psnr_db < many.psnr_db
    assert few.payload_bytes < many.payload_bytes


def test_targets_are_met_with_few_bytes(model, tmp_path):
    every = [
        written(tmp_path / f"{quality}-{crf}.vsl", model=str(model), quality=quality, crf=crf)[0].tiers[0]
        for quality in (1, 2, 5, 10, 30)
        for crf in (20, 28, 34, 40, 44, 48, 52, 56, 60, 63)
    ]
    goal = sorted(tier.psnr_db for tier in every)[30]
    tier = written(tmp_path / "p.vsl", model=str(model), psnr=goal - 0.01)[0].tiers[0]
    assert tier.psnr_db >= goal - 0.01
    assert tier.payload_bytes <= 1.02 * min(one.payload_bytes for one in every if one.psnr_db >= goal - 0.01)
    done, _ = written(tmp_path / "r.vsl", model=str(model), ratio=40)
    assert done.ratio >= 40
    budget = 2 * CINE.size / 40 - (done.bytes_written - done.tiers[0].payload_bytes) - 32
    best = max(one.psnr_db for one in every if one.payload_bytes <= budget)
    assert done.tiers[0].psnr_db >= best - 0.1


def test_where_tokens_pay_nothing_the_means_get_what_they_get_alone(model, tmp_path):
    still = smooth((1, 1, 26, 21, 3), np.uint16, 900)
    alone, _ = written(tmp_path / "alone.vsl", still, tokens=0)
    assert alone.tiers[0].why == "crf 40 of the mean"
    for quality in (5, 30):
        done, _ = written(tmp_path / f"{quality}.vsl", still, model=str(model), quality=quality)
        assert done.tiers[0].why == alone.tiers[0].why


@pytest.mark.parametrize("option", [{"psnr": 90}, {"ratio": 1e6}])
def test_a_target_out_of_reach_writes_nothing(model, tmp_path, option):
    with pytest.raises(TargetError, match="the best is"):
        written(tmp_path / "a.vsl", model=str(model), **option)
    assert not (tmp_path / "a.vsl").exists()


def test_several_tiers_in_one_file(model, tmp_path):
    written(tmp_path / "a.vsl", model=str(model), lossless=True)
    np.testing.assert_array_equal(decode_all(open_vsl(tmp_path / "a.vsl"), 1)[0].stored(), CINE)
    assert [check.name for check in verify(tmp_path / "a.vsl", scan_of(CINE))] == ["lossless", "tokens"]


def test_codes_without_means(model, tmp_path):
    codes = save_tiny(tmp_path / "models" / "codes", codes=True)
    done, back = written(tmp_path / "a.vsl", model=str(codes))
    assert done.tiers[0].why == "no mean"
    assert (back == back[:, :1]).all()
    _, half = written(tmp_path / "b.vsl", model=str(codes), tokens=6)
    np.testing.assert_array_equal(half[:, :, :, :8], back[:, :, :, :8])  # the places of the first row of cells
    assert verify(tmp_path / "b.vsl")[0].tokens is True


@pytest.mark.parametrize(
    "stored",
    [
        smooth((1, 1, 9, 8, 2)),
        smooth((1, 2, 9, 8, 1)),
        smooth((1, 7, 1, 1, 1)),
        smooth((2, 5, 17, 9, 2), np.float32),
        np.full((1, 4, 9, 8, 2), 7, np.int16),
        np.where(np.arange(40).reshape(1, 4, 5, 2, 1) % 7, 1.5, np.nan).astype(np.float32),
        np.full((1, 2, 3, 4, 1), np.nan, np.float32),
        smooth((1, 3, 9, 8, 2)).astype(">i2"),
    ],
    ids=["one frame", "one slice", "one pixel", "channels", "constant", "nan", "all nan", "big endian"],
)
def test_odd_scans(model, tmp_path, stored):
    _, back = written(tmp_path / "a.vsl", stored, model=str(model))
    assert (back.shape, back.dtype) == (stored.shape, stored.dtype)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(stored))
    if np.nanmin(np.append(stored, 0)) == np.nanmax(np.append(stored, 0)):
        np.testing.assert_array_equal(back, stored)
    assert verify(tmp_path / "a.vsl", scan_of(stored))[0].name == "tokens"


def test_a_model_is_found_by_its_digest(model, tmp_path, monkeypatch):
    _, back = written(tmp_path / "a.vsl", model=str(model))
    (tmp_path / "models" / "tiny").rename(tmp_path / "elsewhere")
    other = save_tiny(tmp_path / "models" / "tiny", scale=2.0)
    with pytest.raises(InputError, match=r"needs the model tiny \(weights [0-9a-f]{16}\), which is not here") as caught:
        decode_all(open_vsl(tmp_path / "a.vsl"), 1)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="is not the model tiny"):
        decode_all(open_vsl(tmp_path / "a.vsl", model=str(other)), 1)
    assert describe(tmp_path / "a.vsl")["tiers"][0]["model"] == "tiny"
    given = decode_all(open_vsl(tmp_path / "a.vsl", model=str(tmp_path / "elsewhere")), 1)[0].stored()
    np.testing.assert_array_equal(given, back)


WRONG = {
    "tokens and a PSNR": ({"tokens": 2, "psnr": 30}, "exclude each other"),
    "a bound": ({"max_error": 3}, "no bound"),
    "tokens below zero": ({"tokens": -1}, "not a number of tokens"),
    "more tokens than there are": ({"tokens": 7}, r"7 are more tokens than there are \(6\)"),
    "a quality it lacks": ({"quality": 3}, "not a quality of the model"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options(model, tmp_path, name):
    options, words = WRONG[name]
    with pytest.raises(UsageError, match=words) as caught:
        written(tmp_path / "a.vsl", model=str(model), **options)
    assert len(str(caught.value).splitlines()) == 1


def test_options_that_lack_something():
    with pytest.raises(UsageError, match="need a model"):
        CompressConfig(tier="tokens")
    with pytest.raises(UsageError, match="add --tier tokens"):
        CompressConfig(tokens=3)


def test_foreign_and_damaged_models(model, tmp_path):
    (tmp_path / "empty").mkdir()
    weights = model / "tokenizer.safetensors"
    for folder in (tmp_path / "empty", tmp_path / "nothing"):
        with pytest.raises(InputError):
            written(tmp_path / "a.vsl", model=str(folder))
    weights.write_bytes(weights.read_bytes()[:-2])
    with pytest.raises(CorruptFileError):
        written(tmp_path / "a.vsl", model=str(model))
    config = model / "config.json"
    config.write_text(config.read_text().replace('"tokenize"', '"segment"'))
    with pytest.raises(InputError, match="is a model for segment"):
        written(tmp_path / "a.vsl", model=str(model))


def test_another_modality(model, tmp_path):
    known = save_tiny(tmp_path / "models" / "mr", settings={"modality": "MR"})
    done, _ = written(tmp_path / "a.vsl", model=str(known), facts={"modality": "CT"})
    assert any("was trained on MR, this scan is CT" in warning for warning in done.warnings)
    only = save_tiny(tmp_path / "models" / "only", settings={"modality": "MR", "only": True})
    with pytest.raises(InputError, match="was trained on MR"):
        written(tmp_path / "b.vsl", model=str(only), facts={"modality": "CT"})
    assert not (tmp_path / "b.vsl").exists()


def test_damaged_files(model, tmp_path):
    path = tmp_path / "a.vsl"
    _, good = written(path, smooth((1, 5, 12, 9, 2), np.uint16, 900), model=str(model))
    data, draw = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        path.write_bytes(mutate(data, draw))
        for salvage in (False, True):
            seen = attempt(lambda salvage=salvage: decode_all(open_vsl(path, "tokens", salvage=salvage), 1)[0].stored())
            if not refused(seen, path):
                np.testing.assert_array_equal(seen, good)


def test_damaged_payloads_name_the_chunk(model, tmp_path):
    written(tmp_path / "a.vsl", model=str(model))
    file, draw = open_vsl(tmp_path / "a.vsl"), np.random.default_rng(1)
    (chunk,) = file.chunking
    with VslReader(tmp_path / "a.vsl") as reader:
        payload = file.payload(reader, chunk)
    found = 0
    for n in range(120):
        damaged = payload[: draw.integers(len(payload))] if n % 3 == 0 else mutate(payload, draw)
        seen = attempt(lambda damaged=damaged: file.decode(chunk, damaged))
        if refused(seen, tmp_path / "a.vsl"):
            assert "chunk 0 (slices 0 to 2) of tier tokens" in str(seen)
            found += 1
        else:
            assert seen.shape == (1, 27, 26, 21)
    assert found > 60
