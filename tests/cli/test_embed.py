"""embed as a user calls it."""

from tasks.detect.tiny import AFFINE, head, make_encoder
from vesalius.phantom.nifti import write_nifti


def test_embed(vesalius, tmp_path):
    write_nifti(tmp_path / "scan.nii.gz", head(0, False)[None], AFFINE)
    encoder = make_encoder(tmp_path / "encoder")
    words = ("embed", encoder, tmp_path / "scan.nii.gz", "-o", tmp_path / "out", "--cache", tmp_path / "c")
    done = vesalius(*words, "--stride", "3", "--patch", "0,1")
    assert (done.code, done.err) == (0, "encoding slices of 6\n")
    assert "2 slices, 192 numbers each" in done.out
    assert "exists already" in vesalius(*words).error
    done = vesalius(*words, "--force", "--max-slices", "1", "--patch", "center", "--json", "--quiet")
    assert (done.told["slices"], done.told["cached"], done.err) == (1, False, "")
    told = vesalius(*words, "--force", "--least-body", "0.5", "--body-above", "-200", "--json").told
    assert (told["slices"], told["cached"]) == (6, False)  # 54 % of each slice are head
    assert "least_body" in vesalius(*words, "--force", "--least-body", "1").error
    assert "body_above" in vesalius(*words, "--force", "--body-above", "nan").error


def test_odd_patches(vesalius, tmp_path, unchecked):
    words = ("embed", "m", tmp_path, "-o", tmp_path / "out", "--patch")
    assert "--patch: '3x4' is not" in vesalius(*words, "3x4").error
    assert vesalius(*words, "3").error.startswith("--patch")
