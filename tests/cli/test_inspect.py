"""inspect, convert and info as a user calls them."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import vesalius as package
from codec.scans import smooth, write_nifti
from vesalius.cli.inspect import _spacing
from vesalius.codec.coders.table import CODERS
from vesalius.errors import UsageError

ARRAY = smooth((1, 3, 20, 18, 4))[0].transpose(1, 2, 3, 0)


@pytest.fixture
def source(tmp_path):
    return write_nifti(tmp_path / "in.nii", ARRAY)


def test_inspect_tells_shape_and_spacing(vesalius, source, tmp_path):
    done = vesalius("inspect", source)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{source}  (nifti)\n")
    (facts,) = vesalius("inspect", source, "--json").told["scans"]
    assert facts["path"] == str(source)
    assert list(facts["shape"].values() if isinstance(facts["shape"], dict) else facts["shape"]) == [1, 3, 20, 18, 4]


def test_inspect_names_what_a_tier_of_tokens_holds(vesalius, source, tmp_path):
    vesalius("compress", source, "-o", tmp_path / "a.vsl", "--tier", "tokens", "--tokens", "0")
    (line,) = [line for line in vesalius("inspect", tmp_path / "a.vsl").out.splitlines() if "  tier " in line]
    assert line.lstrip().startswith("tier tokens: means alone, crf ")
    frozen = Path(__file__).parents[1] / "codec" / "golden_tokens" / "cycle-prefix.vsl"
    (line,) = [line for line in vesalius("inspect", frozen).out.splitlines() if "  tier " in line]
    assert line.lstrip().startswith("tier tokens: first 8 of tokenize/cine_cycle, quality 20, crf ")


def test_inspect_reads_what_compress_writes(vesalius, source, tmp_path):
    vesalius("compress", source, "-o", tmp_path / "a.vsl", "--coder", "deflate")
    done = vesalius("inspect", tmp_path / "a.vsl", "--json")
    assert done.code == 0
    assert done.told["scans"][0]["path"] == str(tmp_path / "a.vsl")


def test_of_many_inputs_one_is_bad(vesalius, source, tmp_path):
    (tmp_path / "bad.nii").write_bytes(b"no header")
    done = vesalius("inspect", source, tmp_path / "bad.nii", "--json")
    assert done.code == 2
    assert len(done.told["scans"]) == len(done.told["failed"]) == 1
    assert vesalius("inspect", source, tmp_path / "bad.nii").code == 2
    assert "bad.nii" in vesalius("inspect", tmp_path / "bad.nii").error


def test_convert_writes_by_suffix(vesalius, source, tmp_path):
    done = vesalius("convert", source, "-o", tmp_path / "out.npy")
    assert (done.code, done.out) == (0, f"{tmp_path / 'out.npy'}\nnote: the file holds no geometry: .npz and .nii do\n")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy").squeeze(), ARRAY.transpose(3, 0, 1, 2))
    done = vesalius("convert", source, "-o", tmp_path / "out.nii.gz", "--orient", "LPS", "--json")
    assert done.told["path"] == str(tmp_path / "out.nii.gz")
    turned = nib.load(tmp_path / "out.nii.gz")
    assert nib.aff2axcodes(turned.affine) == ("L", "P", "S")
    np.testing.assert_array_equal(np.asanyarray(turned.dataobj), ARRAY[::-1, ::-1])


def test_convert_takes_a_compressed_file(vesalius, source, tmp_path):
    vesalius("compress", source, "-o", tmp_path / "a.vsl", "--coder", "deflate")
    assert vesalius("convert", tmp_path / "a.vsl", "-o", tmp_path / "out.nii").code == 0
    np.testing.assert_array_equal(np.asanyarray(nib.load(tmp_path / "out.nii").dataobj), ARRAY)


def test_convert_refuses_what_exists_or_cannot_be(vesalius, source, tmp_path):
    (tmp_path / "out.npy").write_bytes(b"mine")
    assert "exists already" in vesalius("convert", source, "-o", tmp_path / "out.npy").error
    assert "the suffix of the output is unknown" in vesalius("convert", source, "-o", tmp_path / "out.xyz").error
    assert "no such file" in vesalius("convert", tmp_path / "none.nii", "-o", tmp_path / "x.nii").error
    assert "--spacing" in vesalius("convert", source, "-o", tmp_path / "x.nii", "--spacing", "1,2").error


@pytest.mark.parametrize(("text", "expected"), [("1,1,2.5", (1.0, 1.0, 2.5)), (" 1e0 , 2,3 ", (1.0, 2.0, 3.0))])
def test_spacing_is_three_numbers(text, expected):
    assert _spacing(text) == expected


@pytest.mark.parametrize("text", ["", "1", "1,2", "1,2,3,4", "a,b,c", "1 2 3", "1;2;3"])
def test_other_spacings_are_refused(text):
    with pytest.raises(UsageError, match="is not 3 comma-separated numbers"):
        _spacing(text)


def test_info_tells_versions_coders_and_formats(vesalius):
    done = vesalius("info")
    assert (done.code, done.err) == (0, "")
    assert f"vesalius {package.__version__}" in done.out
    assert all(name in done.out for name in CODERS)
    told = vesalius("info", "--json").told
    assert told["vesalius"] == package.__version__
    assert set(told["coders"]) == set(CODERS)
