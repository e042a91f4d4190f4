"""embed as a user calls it."""

import pytest

from tasks.detect.tiny import AFFINE, head, make_encoder
from vesalius.cli.embed import _pair
from vesalius.errors import UsageError
from vesalius.phantom.nifti import write_nifti


def test_embed(vesalius, tmp_path):
    write_nifti(tmp_path / "scan.nii.gz", head(0, False)[None], AFFINE)
    encoder = make_encoder(tmp_path / "encoder")
    words = ("embed", encoder, tmp_path / "scan.nii.gz", "-o", tmp_path / "out", "--cache", tmp_path / "c")
    done = vesalius(*words, "--stride", "3", "--patch", "0,1")
    assert (done.code, done.err) == (0, "encoding slices of 6\n")
    assert "2 slices, 192 numbers each" in done.out
    assert "exists already" in vesalius(*words).error
    done = vesalius(*words, "--force", "--max-slices", "1", "--json", "--quiet")
    assert (done.told["slices"], done.told["cached"], done.err) == (1, False, "")
    told = vesalius(*words, "--force", "--least-body", "0.5", "--body-above", "-200", "--json").told
    assert (told["slices"], told["cached"]) == (6, False)  # 54 % of each slice are head
    assert "--least-body" in vesalius(*words, "--force", "--least-body", "1").error
    assert "body_above" in vesalius(*words, "--force", "--body-above", "nan").error


def test_patches():
    assert _pair("3,4") == (3, 4)
    with pytest.raises(UsageError, match="is not 2 comma-separated numbers"):
        _pair("3x4")
