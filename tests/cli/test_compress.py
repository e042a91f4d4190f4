"""compress, decompress and verify as a user calls them."""

import nibabel as nib
import numpy as np
import pytest

from codec.scans import smooth, write_nifti
from dicom_making import instance, save
from vesalius.codec.container import VslReader

ARRAY = smooth((1, 3, 20, 18, 4))[0].transpose(1, 2, 3, 0)


@pytest.fixture
def source(tmp_path):
    return write_nifti(tmp_path / "in.nii", ARRAY)


def test_round_trip(vesalius, source, tmp_path):
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", "--coder", "jpegxl")
    size = (tmp_path / "a.vsl").stat().st_size
    assert done.code == 0
    assert done.out.splitlines()[0] == f"{tmp_path / 'a.vsl'}  {size} bytes  {2 * ARRAY.size / size:.4g}:1"
    assert "lossless: asked for" in done.out
    assert done.err == ""
    done = vesalius("verify", tmp_path / "a.vsl", source)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{tmp_path / 'a.vsl'}  whole",
        "  lossless: checksum right, equal to the original bit for bit",
        "  original read by: nibabel",
    ]
    done = vesalius("decompress", tmp_path / "a.vsl", "-o", tmp_path / "back.nii")
    assert (done.code, done.out, done.err) == (0, f"{tmp_path / 'back.nii'}  (lossless)\n", "")
    assert (tmp_path / "back.nii").read_bytes() == source.read_bytes()


def test_json(vesalius, source, tmp_path):
    target = tmp_path / "a.vsl"
    told = vesalius("compress", source, "-o", target, "--max-error", "6", "--coder", "jpegxl", "--json").told
    assert told["failed"] == told["skipped"] == []
    (written,) = told["written"]
    assert (written["path"], written["bytes_written"]) == (str(target), target.stat().st_size)
    assert written["tiers"][0]["max_error"] <= 6
    told = vesalius("verify", target, source, "--json").told
    assert told["tiers"][0]["max_error"] == written["tiers"][0]["max_error"]
    assert told["tiers"][0]["psnr_db"] == pytest.approx(written["tiers"][0]["psnr_db"])
    told = vesalius("decompress", target, "-o", tmp_path / "back.nii", "--json").told
    assert (told["path"], told["tier"], told["checksum"]) == (str(tmp_path / "back.nii"), "lossy", True)


def test_quiet(vesalius, source, tmp_path):
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", "--coder", "deflate", "-q")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("option", "value", "ask"), [("--psnr", 40, "psnr"), ("--ratio", 6, "ratio"), ("--max-error", 5, "error")]
)
def test_targets_hold_for_another_reader(vesalius, tmp_path, option, value, ask):
    source = write_nifti(tmp_path / "in.nii", smooth((1, 3, 64, 60, 4), top=3000)[0].transpose(1, 2, 3, 0), slope=0.5)
    assert vesalius("compress", source, "-o", tmp_path / "a.vsl", option, value).code == 0
    assert vesalius("decompress", tmp_path / "a.vsl", "-o", tmp_path / "back.nii").code == 0
    original, back = (nib.load(path).get_fdata() for path in (source, tmp_path / "back.nii"))
    error = back - original
    low, high = np.percentile(original, [0.1, 99.9])
    if ask == "psnr":
        assert 20 * np.log10((high - low) / np.sqrt(np.mean(error**2))) >= 40
    elif ask == "error":
        assert 0 < np.abs(error).max() <= 5
    else:
        assert 2 * original.size / (tmp_path / "a.vsl").stat().st_size == pytest.approx(6, rel=0.25)


UNREACHABLE = {
    "--psnr 150 --coder svtav1": "cannot be reached with svtav1: the best is",
    "--ratio 2000": "cannot be reached with",
    "--ratio 0.001": "less than the best quality of",
}


@pytest.mark.parametrize("options", UNREACHABLE)
def test_a_target_out_of_reach_writes_nothing(vesalius, source, tmp_path, options):
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", *options.split(), "--json")
    assert done.told == {"error": done.error}
    assert UNREACHABLE[options] in done.error
    assert any(character.isdigit() for character in done.error.split("is")[-1])
    assert [path.name for path in tmp_path.iterdir()] == ["in.nii"]


WRONG = {
    "--psnr 40 --ratio 3": "exclude one another",
    "--psnr -1": "psnr",
    "--psnr nan": "psnr",
    "--psnr inf": "--psnr: inf is not a positive number",
    "--coder zip": "--coder zip: no such coder; did you mean 'jpegxl'? Choose one of deflate",
    "--coder svtav1": "codes nothing losslessly",
    "--effort much": "'--effort': 'much' is not one of 'normal', 'best'; see vesalius compress --help",
    "--tier token": "--tier: 'token' is not a tier that is asked for by name (that is: tokens)",
    "--access voxel": "access",
    "--keep-identifiers --strip": "exclude each other",
    "--lossless --ratio 4": "two tiers are",
    "--series 1.2.3": "no series that ends in 1.2.3",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_cannot_be_asked_is_one_line(vesalius, source, tmp_path, options):
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", *options.split())
    assert WRONG[options] in done.error
    assert done.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in.nii"]


def test_an_existing_output_is_refused_without_force(vesalius, source, tmp_path):
    target = tmp_path / "a.vsl"
    target.write_bytes(b"mine")
    assert "exists already; choose another name or pass --force" in vesalius("compress", source, "-o", target).error
    assert target.read_bytes() == b"mine"
    assert vesalius("compress", source, "-o", target, "--force", "--coder", "deflate").code == 0
    (tmp_path / "back.nii").write_bytes(b"mine")
    assert "exists already" in vesalius("decompress", target, "-o", tmp_path / "back.nii").error
    assert (tmp_path / "back.nii").read_bytes() == b"mine"
    assert vesalius("decompress", target, "-o", tmp_path / "back.nii", "--force").code == 0
    assert (tmp_path / "back.nii").read_bytes() == source.read_bytes()


def test_of_many_inputs_one_is_bad(vesalius, source, tmp_path):
    (tmp_path / "bad.nii").write_bytes(source.read_bytes()[:400])
    words = [
        "compress",
        source,
        tmp_path / "bad.nii",
        tmp_path / "absent.nii",
        "-o",
        tmp_path / "out",
        "--coder",
        "deflate",
    ]
    done = vesalius(*words)
    assert done.code == 2
    assert (tmp_path / "out" / "in.vsl").exists()
    assert sum(line.startswith("failed  ") for line in done.out.splitlines()) == 2
    again = vesalius(*words, "--json")
    assert again.code == 2
    assert again.told["skipped"] == [str(tmp_path / "out" / "in.vsl")]
    assert len(again.told["failed"]) == 2
    (tmp_path / "bad.nii").write_bytes(source.read_bytes())
    (tmp_path / "absent.nii").write_bytes(source.read_bytes())
    last = vesalius(*words)
    assert last.code == 0
    assert last.out.count("finished before") == 1


def test_a_text_that_is_kept_is_noted_and_strip_blanks_it(vesalius, tmp_path):
    image = nib.Nifti1Image(ARRAY, np.eye(4))
    image.header["descrip"] = "made by hand"
    image.to_filename(tmp_path / "in.nii")
    done = vesalius("compress", tmp_path / "in.nii", "-o", tmp_path / "a.vsl", "--coder", "deflate")
    assert "note: NIfTI text fields are kept (descrip); --strip blanks them" in done.out
    done = vesalius("compress", tmp_path / "in.nii", "-o", tmp_path / "b.vsl", "--coder", "deflate", "--strip")
    assert "note" not in done.out
    vesalius("decompress", tmp_path / "b.vsl", "-o", tmp_path / "back.nii")
    back = nib.load(tmp_path / "back.nii")
    assert back.header["descrip"].item() == b""
    np.testing.assert_array_equal(np.asanyarray(back.dataobj), ARRAY)


@pytest.fixture
def two_tiers(vesalius, source, tmp_path):
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", "--lossless", "--max-error", "4", "--coder", "jpegxl")
    assert done.code == 0
    return tmp_path / "a.vsl"


def test_tiers_and_pieces(vesalius, two_tiers, tmp_path):
    done = vesalius("verify", two_tiers, tmp_path / "in.nii")
    assert done.out.splitlines()[1] == "  lossless: checksum right, equal to the original bit for bit"
    assert "lossy: checksum right, " in done.out.splitlines()[2]
    assert "max error 4 against the original" in done.out.splitlines()[2]
    assert vesalius("decompress", two_tiers, "-o", tmp_path / "l.nii", "--tier", "lossy").code == 0
    error = np.abs(np.asanyarray(nib.load(tmp_path / "l.nii").dataobj).astype(int) - ARRAY)
    assert 0 < error.max() <= 4
    words = ["decompress", two_tiers, "-o", tmp_path / "p.nii", "--slice", "2", "--frame", "1"]
    assert vesalius(*words).out == f"{tmp_path / 'p.nii'}  (lossless)\n"
    np.testing.assert_array_equal(nib.load(tmp_path / "p.nii").get_fdata().squeeze(), ARRAY[:, :, 2, 1])
    assert "no slice 9; choose from 0 to 3" in vesalius(*words[:-4], "--slice", "9", "--force").error


def test_damage_is_told_and_salvaged(vesalius, two_tiers, tmp_path):
    data = bytearray(two_tiers.read_bytes())
    with VslReader(two_tiers) as reader:
        data[reader.chunks(0)[2].offset + 3] ^= 255
    two_tiers.write_bytes(data)
    for words in (["verify", two_tiers], ["decompress", two_tiers, "-o", tmp_path / "x.nii"]):
        error = vesalius(*words).error
        assert error.startswith(f"{two_tiers}: ")
        assert "copy the file again, or try decompress --salvage" in error or "whole file" in error
    done = vesalius("decompress", two_tiers, "-o", tmp_path / "x.nii", "--salvage")
    assert done.code == 0
    assert "lost: 1 chunk(s), in slice(s) 2; filled with the smallest value" in done.out
    two_tiers.write_bytes(data[:200])
    assert "--salvage" in vesalius("verify", two_tiers, "--json").error


@pytest.mark.parametrize("content", [b"", b"hello", bytes(1000)])
def test_other_files_are_refused(vesalius, tmp_path, content):
    (tmp_path / "x.vsl").write_bytes(content)
    for words in (["verify"], ["decompress", "-o", tmp_path / "y.nii"]):
        assert "is not a .vsl file" in vesalius(words[0], tmp_path / "x.vsl", *words[1:]).error
    assert "no such file" in vesalius("verify", tmp_path / "none.vsl").error.lower()


def test_results_and_failures_stand_once_on_the_terminal(vesalius, source, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.nii").write_bytes(source.read_bytes())
    (folder / "3.nii").write_bytes(source.read_bytes()[:400])
    done = vesalius("compress", folder, "-o", tmp_path / "out", "--max-error", "5", "--coder", "jpegxl")
    assert done.code == 2
    lines = (done.out + done.err).splitlines()
    assert len([line for line in lines if f"{tmp_path / 'out' / '1.vsl'}" in line]) == 1
    assert len([line for line in lines if "the header promises" in line]) == 1
    assert len([line for line in lines if "dB, max error" in line]) == 2
    assert done.err == ""  # a pipe gets no count in the first half minute
    again = vesalius("compress", folder, "-o", tmp_path / "out", "--max-error", "5", "--coder", "jpegxl")
    assert len([line for line in (again.out + again.err).splitlines() if "finished before" in line]) == 2


def test_dicom_says_what_is_kept_of_it(vesalius, tmp_path):
    source = save(instance(np.full((6, 5), 0x1234, "<u2"), BitsStored=12, HighBit=11), tmp_path / "a.dcm")
    done = vesalius("compress", source, "-o", tmp_path / "a.vsl", "--cache", tmp_path)
    (attributes, bits) = [line for line in done.out.splitlines() if " not" in line and "caveat" not in line]
    assert attributes.startswith("  attributes: ")
    assert attributes.endswith(" not; --keep-identifiers keeps all")
    assert bits.startswith("  pixels with bits above BitsStored: 30 not; --keep-identifiers keeps them")
    told = vesalius("verify", tmp_path / "a.vsl", source).out
    assert "bit for bit" not in told
    assert "every value equal to the original, not every bit" in told
    assert attributes in told.splitlines()
    assert bits in told.splitlines()
    assert "original read by: the cells of Pixel Data" in told
    vesalius("compress", source, "-o", tmp_path / "k.vsl", "--keep-identifiers")
    assert "equal to the original bit for bit" in vesalius("verify", tmp_path / "k.vsl", source).out


@pytest.mark.parametrize("target", [("--psnr", "1e308"), ("--ratio", "1e308"), ("--max-error", "1e-300")])
def test_an_absurd_target_is_met_or_a_line(tmp_path, vesalius, make_nifti, target):
    done = vesalius("compress", make_nifti(), "-o", tmp_path / "a.vsl", *target)
    assert (done.code == 0 and (tmp_path / "a.vsl").exists()) or done.error
