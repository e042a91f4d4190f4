import re

import numpy as np
import pytest

from dicom_making import placed, save, save_all
from vesalius.errors import InputError, UsageError
from vesalius.scan.found import closed_folder, refused
from vesalius.scan.open import find_scans, open_scan
from vesalius.scan.reading import Reading


def test_a_refused_file_says_where_and_raises_when_opened(tmp_path):
    found = refused(tmp_path / "a.dcm", InputError("is an empty file", fix="copy it again"))
    assert (found.path, found.format, found.name) == (tmp_path / "a.dcm", "dicom", "a")
    with pytest.raises(InputError) as error:
        found.open()
    assert str(error.value) == f"{tmp_path / 'a.dcm'}: is an empty file; copy it again"
    assert error.value is found.refusal


def test_a_folder_that_cannot_be_listed_keeps_its_reason(tmp_path):
    found = closed_folder(tmp_path, PermissionError(13, "Permission denied"))
    assert found.format == "folder"
    assert str(found.refusal).startswith(f"{tmp_path}: cannot be listed (Permission denied)")


AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def picture(cosines, n, **attributes):
    return placed(np.full((4, 6), n, np.int16), (n, n, n), cosines=cosines, number=n, **attributes)


def options_of(error):
    """Each option that the fix of an error names, with each of its values."""
    fix = error.value.fix
    for option, field in (("--series", "series"), ("--orientation", "orientation")):
        match = re.search(rf"{option} (\S+)", fix)
        if match and option == "--series":
            shown = re.search(r"scans \((.*)\)", error.value.what)[1]
            yield from ({field: uid} for uid in shown.split(", "))
        elif match:
            yield from ({field: plane} for plane in match[1].split("|"))


def test_every_choice_that_the_line_names_opens_one_scan(tmp_path):
    save_all([picture(AXIAL, n) for n in range(4)] + [picture(SAGITTAL, 9)], tmp_path)
    with pytest.raises(UsageError, match=r"pass --series UID or --orientation axial\|sagittal$") as error:
        open_scan(tmp_path)
    choices = list(options_of(error))
    assert len(choices) == 4
    shapes = [open_scan(tmp_path, Reading(**choice)).shape[4] for choice in choices]
    assert shapes == [4, 1, 4, 1]


def test_an_orientation_that_does_not_decide_is_not_named(tmp_path):
    turned = [(1, 0, 0, 0, 0, -1), (0.94, 0.342, 0, 0, 0, -1), (1, 0, 0, 0, 1, 0)]
    save_all([picture(cosines, n) for n, cosines in enumerate(turned)], tmp_path)
    with pytest.raises(UsageError, match=r"--orientation axial$"):
        open_scan(tmp_path)
    with pytest.raises(UsageError, match=r"holds 2 scans .*pass --series UID$"):
        open_scan(tmp_path, Reading(orientation="coronal"))


def test_a_plane_that_is_not_there_is_said_and_other_series_stay(tmp_path):
    save_all([picture(AXIAL, n) for n in range(3)] + [picture(SAGITTAL, 9)], tmp_path / "a")
    save_all([picture(AXIAL, n, SeriesInstanceUID="1.9") for n in range(2)], tmp_path / "b")
    with pytest.raises(UsageError, match="no coronal pictures in this series; it holds axial, sagittal"):
        open_scan(tmp_path / "a", Reading(orientation="coronal"))
    found = find_scans(tmp_path, Reading(orientation="coronal"))
    assert [(one.series_uid, one.plane) for one in found] == [("1.2.3.4.50", "coronal"), ("1.9", "axial")]
    assert found[1].open().shape[4] == 2  # one orientation leaves no choice open


def test_the_whole_uid_goes_before_its_end(tmp_path):
    save_all([picture(AXIAL, n, SeriesInstanceUID="2.5") for n in range(2)], tmp_path / "a")
    save_all([picture(AXIAL, n, SeriesInstanceUID="1.2.5") for n in range(3)], tmp_path / "b")
    assert open_scan(tmp_path, Reading(series="2.5")).shape[4] == 2
    assert open_scan(tmp_path, Reading(series="1.2.5")).shape[4] == 3


def test_files_without_a_series_are_chosen_by_name(tmp_path):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.zeros((3, 3, 3)))
    with pytest.raises(UsageError, match=r"holds 2 scans \(a.npy, b.npy\); name one file$"):
        open_scan(tmp_path)
    with pytest.raises(UsageError, match="only DICOM files state a series"):
        open_scan(tmp_path, Reading(series="1.2"))
    save(picture(AXIAL, 1), tmp_path / "c.dcm")
    with pytest.raises(UsageError, match=r"name one file or pass --series UID$"):
        open_scan(tmp_path)
