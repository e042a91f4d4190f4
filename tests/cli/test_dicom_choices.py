"""DICOM files that leave a choice open, as a user meets them: the line names what works."""

import numpy as np

from dicom_making import placed, save_all


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
    assert vesalius("compress", folder, "-o", tmp_path / "a.vsl").code == 0
    assert vesalius("verify", tmp_path / "a.vsl", folder).code == 0
    assert "instance 12" in vesalius("inspect", tmp_path / "a.vsl").out
    done = vesalius("convert", tmp_path / "a.vsl", "-o", tmp_path / "b.npy", "--assume-rescale", "1,-1024")
    assert "a .vsl file must be decompressed before" in done.err
    assert vesalius("decompress", tmp_path / "a.vsl", "-o", tmp_path / "back").code == 0
    done = vesalius("convert", tmp_path / "back", "-o", tmp_path / "b.npy", "--assume-rescale", "1,-1024")
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), np.load(tmp_path / "a.npy"))
