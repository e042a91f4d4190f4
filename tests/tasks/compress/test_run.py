"""The compress job: many inputs, reruns, and what is left when it is killed."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from codec.scans import decoded, smooth, write_nifti
from dicom_making import placed, save_all
from vesalius.codec.decode import open_vsl
from vesalius.codec.options import CompressConfig
from vesalius.errors import InputError, OutputError, TargetError, UsageError
from vesalius.tasks.compress.decompress import verify
from vesalius.tasks.compress.run import compress

FAST = CompressConfig(coder="deflate")


def volume(path, seed=0, shape=(8, 7, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_nifti(path, smooth((1, 1, *shape), seed=seed)[0, 0])


def same(vsl, source):
    np.testing.assert_array_equal(decoded(vsl)[0, 0], np.asanyarray(nib.load(source).dataobj))
    return True


def test_one_scan_into_one_file(tmp_path):
    source = volume(tmp_path / "in.nii")
    result = compress([source], tmp_path / "new" / "out.vsl", FAST)
    (written,) = result.written
    assert same(tmp_path / "new" / "out.vsl", source)
    assert (written.source, written.path) == (source, tmp_path / "new" / "out.vsl")
    assert written.bytes_written == (tmp_path / "new" / "out.vsl").stat().st_size
    assert written.tiers[0].coder == "deflate"
    assert result.skipped == result.failed == ()


def test_a_folder_keeps_its_subfolders(tmp_path):
    sources = [volume(tmp_path / "in" / name, seed) for seed, name in enumerate(["a.nii", "b/a.nii.gz", "b/c/x.y.nii"])]
    result = compress([tmp_path / "in"], tmp_path / "out", FAST)
    assert len(result.written) == 3
    for source, name in zip(sources, ["a.vsl", "b/a.vsl", "b/c/x.y.vsl"], strict=True):
        assert same(tmp_path / "out" / name, source)


def test_every_scan_gets_a_name_of_its_own(tmp_path):
    """Equal names get a number, and never the name that another scan has by itself."""
    sources = [
        volume(tmp_path / "1" / "x.nii", 1),
        volume(tmp_path / "2" / "x.nii", 2),
        volume(tmp_path / "3" / "x-2.nii", 3),
        volume(tmp_path / "4" / "x.nii.gz", 4),
    ]
    result = compress(sources, tmp_path / "out", FAST)
    assert [one.path.name for one in result.written] == ["x.vsl", "x-3.vsl", "x-2.vsl", "x-4.vsl"]
    for one in result.written:
        assert same(tmp_path / "out" / one.path.name, one.source)


def test_a_bad_input_among_many_is_listed_and_the_rest_goes_on(tmp_path):
    good = [volume(tmp_path / "in" / f"{n}.nii", n) for n in (1, 3)]
    (tmp_path / "in" / "2.nii").write_bytes(good[0].read_bytes()[:300])
    lines = []
    result = compress([tmp_path / "in", tmp_path / "absent"], tmp_path / "out", FAST, progress=lines.append)
    assert [one.source for one in result.written] == good
    assert sorted(one.path.name for one in result.failed) == ["2.nii", "absent"]
    assert all(len(one.error.splitlines()) == 1 for one in result.failed)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.vsl", "3.vsl"]
    assert lines == [
        "1 of 3: 1.vsl, 1 failed so far",
        "2 of 3: 2.vsl, 1 failed so far",
        "3 of 3: 3.vsl, 2 failed so far",
    ]

    volume(tmp_path / "in" / "2.nii", 2)
    again = compress([tmp_path / "in"], tmp_path / "out", FAST)
    assert [path.name for path in again.skipped] == ["1.vsl", "3.vsl"]
    assert [one.path.name for one in again.written] == ["2.vsl"]


def test_a_target_that_one_scan_cannot_meet_leaves_the_others(tmp_path):
    volume(tmp_path / "in" / "large.nii", shape=(64, 64, 6))
    volume(tmp_path / "in" / "tiny.nii", shape=(3, 3, 1))
    config = CompressConfig(coder="jpegxl", ratio=12)
    result = compress([tmp_path / "in"], tmp_path / "out", config)
    assert [one.path.name for one in result.written] == ["large.vsl"]
    assert "the best is" in result.failed[0].error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["large.vsl"]


def test_a_rerun_does_not_take_another_scan_for_finished(tmp_path):
    volume(tmp_path / "1" / "x.nii")
    compress([tmp_path / "1"], tmp_path / "out", FAST)
    before = (tmp_path / "out" / "x.vsl").read_bytes()
    volume(tmp_path / "2" / "x.nii", shape=(8, 7, 4))
    result = compress([tmp_path / "2"], tmp_path / "out", FAST)
    assert "made from another scan" in result.failed[0].error
    values = np.asarray(nib.load(tmp_path / "1" / "x.nii").dataobj).copy()
    values[0, 0, 0] += 1  # the same name, shape and type
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "2" / "x.nii")
    result = compress([tmp_path / "2"], tmp_path / "out", FAST)
    assert "made from another scan" in result.failed[0].error
    result = compress([tmp_path / "1"], tmp_path / "out", replace(FAST, identifiers="keep"))
    assert "with other options" in result.failed[0].error
    result = compress([tmp_path / "1"], tmp_path / "out", CompressConfig(psnr=40))
    assert "with other targets" in result.failed[0].error
    (tmp_path / "out" / "x.vsl").write_bytes(before[:-9])
    result = compress([tmp_path / "1"], tmp_path / "out", FAST)
    assert "exists and is damaged" in result.failed[0].error
    result = compress([tmp_path / "1"], tmp_path / "out", FAST, force=True)
    assert len(result.written) == 1
    assert (tmp_path / "out" / "x.vsl").read_bytes() == before


def test_one_file_that_exists_is_refused(tmp_path):
    source = volume(tmp_path / "in.nii")
    (tmp_path / "out.vsl").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        compress([source], tmp_path / "out.vsl", FAST)
    assert (tmp_path / "out.vsl").read_bytes() == b"mine"


def test_what_cannot_be_done_at_all(tmp_path):
    sources = [volume(tmp_path / "in" / f"{n}.nii", n) for n in (1, 2)]
    with pytest.raises(UsageError, match="2 scans for one output file"):
        compress(sources, tmp_path / "out.vsl", FAST)
    with pytest.raises(InputError, match="no such file"):
        compress([tmp_path / "absent.nii"], tmp_path / "out", FAST)
    with pytest.raises(TargetError):
        compress(sources[:1], tmp_path / "out.vsl", CompressConfig(coder="jpegxl", ratio=5000))
    with pytest.raises(UsageError, match="exclude one another"):
        compress(sources, tmp_path / "out", CompressConfig(psnr=3, ratio=3))
    (tmp_path / "a file").write_bytes(b"")
    for name in ("a file", "typo.vls"):
        with pytest.raises(UsageError, match=r"ends neither in .vsl nor is it a folder"):
            compress(sources, tmp_path / name, FAST)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a file", "in"]


def test_two_folders_stay_apart(tmp_path):
    for folder, seed in (("A", 1), ("B", 2)):
        volume(tmp_path / folder / "ser" / "t1.nii", seed)
    for order in (("A", "B"), ("B", "A")):
        result = compress([tmp_path / name for name in order], tmp_path / "out", FAST)
        assert len(result.written) + len(result.skipped) == 2
    for folder in ("A", "B"):
        assert same(tmp_path / "out" / folder / "ser" / "t1.vsl", tmp_path / folder / "ser" / "t1.nii")


def test_a_high_psnr_is_never_larger_than_lossless(tmp_path):
    source = volume(tmp_path / "in.nii", shape=(64, 64, 6))
    lossless = compress([source], tmp_path / "a.vsl", CompressConfig()).written[0]
    high = compress([source], tmp_path / "b.vsl", CompressConfig(psnr=90)).written[0]
    assert high.bytes_written <= 1.02 * lossless.bytes_written
    assert high.tiers[0].name == "lossless"


def test_a_memory_limit_refuses_what_must_be_held(tmp_path, memory_limit):
    zipped, mapped = volume(tmp_path / "a.nii.gz", shape=(64, 64, 9)), volume(tmp_path / "b.nii", shape=(64, 64, 9))
    memory_limit(1 << 14)
    with pytest.raises(InputError, match=r"of memory.*uncompress the file"):
        compress([zipped], tmp_path / "a.vsl", CompressConfig(coder="deflate"))
    memory_limit(1 << 23)
    compress([mapped], tmp_path / "b.vsl", CompressConfig(coder="deflate"))
    compress([zipped], tmp_path / "a.vsl", CompressConfig(coder="deflate"))


def test_progress_tells_each_scan(tmp_path):
    volume(tmp_path / "in" / "a.nii")
    volume(tmp_path / "in" / "b.nii", shape=(40, 40, 3))
    lines = []
    compress([tmp_path / "in"], tmp_path / "out", CompressConfig(coder="jpegxl", max_error=4), progress=lines.append)
    assert lines == ["1 of 2: a.vsl", "2 of 2: b.vsl"]
    compress([tmp_path / "in" / "a.nii"], tmp_path / "a.vsl", FAST, progress=lines.append)
    assert len(lines) == 2  # the result says it all


RUN = """
import sys
from dataclasses import replace
from dataclasses import replace
from pathlib import Path
from vesalius.tasks.compress.run import compress
from vesalius.codec.options import CompressConfig
source, target = map(Path, sys.argv[1:])
print("ready", flush=True)
compress([source], target, CompressConfig(coder="jpegxl", lossless=True, psnr=45), force=True)
print("done", flush=True)
"""


def _killed(source, target, seconds):
    """Start a compression, kill it after so many seconds; True where it was killed before its end."""
    process = subprocess.Popen([sys.executable, "-c", RUN, str(source), str(target)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return "done" not in process.stdout.read()


def _kill_often(tmp_path, times):
    """Nothing under the target name but a whole file; an older file stays until the new one is complete."""
    source = write_nifti(tmp_path / "in.nii", smooth((1, 1, 96, 96, 16))[0, 0])
    folder = tmp_path / "out"
    folder.mkdir()
    draw, killed, longest = random.Random(4), 0, 1.5
    for turn in range(times):
        target = folder / f"{turn}.vsl"
        if turn % 2:
            target.write_bytes(b"older")
        if _killed(source, target, draw.uniform(0.0, longest)):
            killed += 1
            assert not target.exists() or target.read_bytes() == b"older" or open_vsl(target)
        assert all(path.suffix == ".vsl" for path in folder.iterdir())
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        assert names <= {f"{n}.vsl" for n in range(turn + 1)}
    return killed


def test_a_killed_run_leaves_nothing_under_the_target_name(tmp_path):
    assert _kill_often(tmp_path, 3) >= 1


@pytest.mark.slow
def test_a_run_killed_at_any_moment_leaves_nothing_under_the_target_name(tmp_path):
    assert _kill_often(tmp_path, 40) >= 10


def test_what_is_compressed_or_cannot_come_back_is_told(tmp_path):
    compress([volume(tmp_path / "in.nii")], tmp_path / "a.vsl", FAST)
    with pytest.raises(UsageError, match=r"a\.vsl: is compressed already; use vesalius decompress or convert"):
        compress([tmp_path / "a.vsl"], tmp_path / "b.vsl", FAST)
    header = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n"
    (tmp_path / "x.nrrd").write_bytes(header + bytes(8))
    with pytest.raises(UsageError, match=r"x\.nrrd: files of the kind nrrd cannot be given back"):
        compress([tmp_path / "x.nrrd"], tmp_path / "b.vsl", FAST)


def test_a_series_that_lost_a_slice_is_compressed_and_the_slice_fails(tmp_path):
    paths = save_all([placed(np.full((4, 6), n, np.int16), (0, 0, n)) for n in range(4)], tmp_path / "in")
    lost = paths[1].rename(tmp_path / "in" / "11111.dcm")
    lost.write_bytes(lost.read_bytes()[:-7])
    line = "1 file in its folder cannot be read and may be of this scan"
    for target in ("one.vsl", "many"):
        result = compress([tmp_path / "in"], tmp_path / target, FAST)
        (written,) = result.written
        assert written.problems[-1] == f"{line}: 11111.dcm"
        assert [one.path for one in result.failed] == [lost]
        vsl = written.path
        assert open_vsl(vsl).header.problems[-1] == line
        assert b"11111" not in vsl.read_bytes()
        assert verify(vsl, tmp_path / "in").notes == (f"{line}: 11111.dcm",)
    for path in set(paths) - {lost}:
        path.unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"11111\.dcm: the header promises"):
        compress([tmp_path / "in"], tmp_path / "none.vsl", FAST)
