import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tasks.detect.tiny import AFFINE, head, make_encoder, make_model
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, OutputError, UsageError
from vesalius.phantom.nifti import write_nifti
from vesalius.report.page import load_report
from vesalius.tasks.embed.run import embed, lines
from vesalius.tasks.encode.options import EmbedOptions
from vesalius.weights.card import Card


@pytest.fixture
def given(tmp_path):
    write_nifti(tmp_path / "scan.nii.gz", head(0, True)[None], AFFINE)
    make_encoder(tmp_path / "encoder")
    return {
        "path": tmp_path / "scan.nii.gz",
        "output": tmp_path / "out",
        "encoder": str(tmp_path / "encoder"),
        "device": "cpu",
    }


@pytest.fixture
def options(tmp_path):
    return EmbedOptions(cache=tmp_path / "cache", precision="fp32")


def changed(options, **values):
    return replace(options, **values)


def test_every_file(given, options, tmp_path):
    result = embed(**given, options=changed(options, stride=2))
    out = tmp_path / "out"
    rows, mean = np.load(out / "slice_embeddings.npy"), np.load(out / "embedding_mean.npy")
    assert rows.shape == (3, 192)
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-6)
    assert np.load(out / "slice_indices.npy").tolist() == [0, 2, 4]
    map_ = np.load(out / "similarity_map.npy")
    assert map_.shape == (2, 2)
    assert map_[1, 1] == pytest.approx(1)
    assert (out / "similarity_map.png").read_bytes().startswith(b"\x89PNG")
    report = load_report(out)
    summary = report.results
    (viewer,) = report.viewers
    assert (viewer.slices, viewer.slices[viewer.slice]) == ([0, 1, 2, 3, 4, 5], 2)
    assert report.verdict.words.startswith("3 vectors of 192 numbers from ")
    assert (out / "report.html").exists()
    assert summary == {key: value for key, value in asdict(result).items() if key != "path"}
    assert (summary["shape"], summary["slices"], summary["dim"], summary["slice"]) == ([24, 24, 6], 3, 192, 2)
    assert summary["seconds"] > 0
    assert summary["peak_mib"] > 0
    assert str(tmp_path) not in json.dumps(summary)
    shown = list(lines(result))
    assert shown[0].startswith("warning: limits of the model: The model has no card")
    assert "3 slices, 192 numbers each" in shown[1]
    again = embed(**{**given, "output": tmp_path / "again"}, options=changed(options, stride=2))
    assert again.cached
    assert not result.cached


def test_the_scan_is_read_once(given, options, monkeypatch):
    opened = []
    real = open_image
    monkeypatch.setattr("vesalius.tasks.embed.scan.open_image", lambda *of: opened.append(of) or real(*of))
    told = []
    embed(**given, options=options, progress=told.append)
    assert (len(opened), told) == (1, ["encoding slices of 6"])
    embed(**given, options=options, force=True, progress=told.append)
    assert len(told) == 1


def test_a_window_keeps_the_side_of_the_encoder(given, options, tmp_path):
    embed(**given, options=changed(options, window="wide"))
    assert np.load(tmp_path / "out" / "similarity_map.npy").shape == (2, 2)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (None, r"^[^:]*scan.nii.gz: [^:]*$"),
        (np.full((1, 4, 4, 2), np.nan, np.float32), r"^[^:]*scan.nii.gz: the scan holds NaN.*; replace them in"),
    ],
)
def test_a_scan_that_cannot_be_read_is_told_by_its_path(given, options, tmp_path, array, message):
    if array is None:
        (tmp_path / "scan.nii.gz").write_bytes(b"no scan")
    else:
        write_nifti(tmp_path / "scan.nii.gz", array, AFFINE)
    with pytest.raises(InputError, match=message) as caught:
        embed(**given, options=options)
    assert "skip" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_another_slice_and_patch(given, options, tmp_path):
    result = embed(**given, options=changed(options, slice=5, patch=(0, 1)))
    assert (result.slice, result.patch) == (5, [0, 1])
    assert np.load(tmp_path / "out" / "similarity_map.npy")[0, 1] == pytest.approx(1)
    with pytest.raises(OutputError, match="exists already"):
        embed(**given, options=options)
    with pytest.raises(UsageError, match="no slice 6"):
        embed(**given, options=changed(options, slice=6), force=True)
    embed(**given, options=changed(options, resize=64), force=True)
    assert np.load(tmp_path / "out" / "similarity_map.npy").shape == (4, 4)
    with pytest.raises(
        UsageError, match=r"--resize: the encoder does not take 3 channels of 40 x 40 .* multiples of 16"
    ):
        embed(**given, options=changed(options, resize=40), force=True)
    with pytest.raises(UsageError, match="no patch 2,0"):
        embed(**given, options=changed(options, slice=1, patch=(2, 0)), force=True)


def test_the_limits_of_an_encoder_are_those_of_the_whole_model(tmp_path):
    model = make_model(tmp_path / "model")
    Card(name="m", summary="s", task="detect", licence="CC0", limits=("Adults only.",)).write(model)
    write_nifti(tmp_path / "scan.nii.gz", head(0, True)[None], AFFINE)
    options = EmbedOptions(cache=tmp_path / "cache")
    result = embed(tmp_path / "scan.nii.gz", tmp_path / "out", str(model), options, device="cpu")
    assert "Adults only." in result.limits
