"""DICOM files that leave a choice open, as a user meets them: the line names what works."""

import numpy as np
from pydicom import dcmread

from dicom_making import placed, save_all
from vesalius.tasks.inspect import inspect


def series(folder):
    """Five CT slices of 40 to 44 HU; the third states no slope and intercept."""
    scale = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    return save_all(
        [
            placed(np.full((6, 5), 1064 + n, np.int16), (0, 0, 2 * n), number=10 + n, **({} if n == 2 else scale))
            for n in range(5)
        ],
        folder,
    )


def test_verbs_refuse_in_one_line_and_the_fix_works(vesalius, tmp_path):
    folder = tmp_path / "in"
    series(folder)
    (facts,) = vesalius("inspect", folder, "--json").told["scans"]
    assert "instance 12" in facts["problems"][0]
    for name in ("a.nii", "a.npy", "a.png", "a.tif"):
        done = vesalius("convert", folder, "-o", tmp_path / name)
        (line,) = done.err.strip().splitlines()
        assert done.code == 2
        assert "instance 12" in line
        assert "--assume-rescale" in line
        assert len(line) <= 500
    assert len(list(tmp_path.iterdir())) == 1  # nothing half-written
    done = vesalius("convert", folder, "-o", tmp_path / "a.npy", "--assume-rescale", "1,-1024")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy")[0, 0], [40, 41, 42, 43, 44])
    assert "are assumed for 1 of 5" in done.out
    done = vesalius("compress", folder, "-o", tmp_path / "l.vsl", "--max-error", "2")
    assert done.code == 2
    assert f"{folder}: real values are unknown" in done.err
    assert "instance 12" in done.err
    assert [one.range for one in inspect([folder], values=True).scans] == [None]
    assert vesalius("compress", folder, "-o", tmp_path / "a.vsl").code == 0
    assert vesalius("verify", tmp_path / "a.vsl", folder).code == 0
    assert "instance 12" in vesalius("inspect", tmp_path / "a.vsl").out
    done = vesalius("convert", tmp_path / "a.vsl", "-o", tmp_path / "b.npy", "--assume-rescale", "1,-1024")
    assert "a .vsl file must be decompressed before" in done.err
    assert vesalius("decompress", tmp_path / "a.vsl", "-o", tmp_path / "back").code == 0
    done = vesalius("convert", tmp_path / "back", "-o", tmp_path / "b.npy", "--assume-rescale", "1,-1024")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), np.load(tmp_path / "a.npy"))


def with_localizer(folder):
    """Five axial CT slices, and one coronal."""
    many = [placed(np.full((6, 5), n, np.int16), (0, 0, 2 * n), number=n) for n in range(1, 6)]
    many.append(placed(np.full((6, 5), 99, np.int16), (0, 0, 0), cosines=(1, 0, 0, 0, 0, -1), number=0))
    return save_all(many, folder)


def test_a_localizer_in_a_series_is_left_by_the_options_that_the_line_names(vesalius, tmp_path):
    folder = tmp_path / "in"
    with_localizer(folder)
    done = vesalius("convert", folder, "-o", tmp_path / "a.nii")
    assert done.code == 2
    assert done.err.rstrip().endswith("pass --series UID or --orientation axial|coronal")
    for number, words in enumerate(
        (["--orientation", "axial"], ["--series", "1.2.3.4.50"], ["--orientation", "coronal"], ["--series", "#2"])
    ):
        assert vesalius("convert", folder, "-o", tmp_path / f"{number}.npy", *words).code == 0
    slices = [np.load(tmp_path / f"{number}.npy") for number in range(4)]
    assert [array[..., 0, 0, :].ravel().tolist() for array in slices] == [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [99], [99]]
    scans = vesalius("inspect", folder, "--json").told["scans"]
    assert [scan["series_uid"] for scan in scans] == ["1.2.3.4.50", "1.2.3.4.50#2"]
    assert all("5 axial, 1 coronal" in scan["problems"][0] for scan in scans)


def test_all_scans_of_a_series_are_compressed_and_come_back(vesalius, tmp_path):
    paths = with_localizer(tmp_path / "in")
    done = vesalius("compress", tmp_path / "in", "-o", tmp_path / "one.vsl")
    assert done.err.rstrip().endswith(
        "2 scans for one output file; name a folder, or pass --series UID or --orientation axial|coronal"
    )
    assert vesalius("compress", tmp_path / "in", "-o", tmp_path / "one.vsl", "--orientation", "axial").code == 0
    written = vesalius("compress", tmp_path / "in", "-o", tmp_path / "many", "--json").told["written"]
    assert len(written) == 2
    back = [tmp_path / f"back-{number}" for number in range(2)]
    for one, target in zip(written, back, strict=True):
        assert vesalius("decompress", one["path"], "-o", target).code == 0
    files = [path for target in back for path in ([target] if target.is_file() else sorted(target.iterdir()))]
    assert sorted(dcmread(path).pixel_array[0, 0] for path in files) == sorted(
        dcmread(path).pixel_array[0, 0] for path in paths
    )


def test_duplicates_are_resampled_only_where_they_are_equal(vesalius, tmp_path):
    for name, value, works in (("equal", 3, True), ("other", 4, False)):
        many = [placed(np.full((6, 5), n, np.int16), (0, 0, 2 * n), number=n) for n in range(1, 6)]
        save_all([*many, placed(np.full((6, 5), value, np.int16), (0, 0, 6), number=9)], tmp_path / name)
        done = vesalius("convert", tmp_path / name, "-o", tmp_path / f"{name}.nii")
        assert done.code == 2
        assert "1 duplicate slice position" in done.err
        assert ("--resample" in done.err) is works
        done = vesalius("convert", tmp_path / name, "-o", tmp_path / f"{name}.nii", "--resample")
        assert (done.code == 0) is works
