"""What a header states about showing its picture; tests/transforms/test_shown.py compares levels with pydicom."""

import numpy as np
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import DigitalXRayImageStorageForPresentation

from dicom_making import instance, item, placed, save, save_all, sequence
from vesalius.scan.display_state import NOTHING_STATED, DisplayState, VoiTable, VoiWindow
from vesalius.scan.open import open_scan

STORED = np.arange(16, dtype=np.uint16).reshape(4, 4)


def words(entries):
    return np.array(entries, "<u2").tobytes()


def opened(path, **attributes):
    return open_scan(
        save(instance(STORED, sop_class=DigitalXRayImageStorageForPresentation, Modality="DX", **attributes), path)
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.dcm"


def test_the_first_window_shows_and_others_are_noted(path):
    scan = opened(
        path,
        WindowCenter=[2048, 1000],
        WindowWidth=[4096, 500],
        VOILUTFunction="SIGMOID",
        WindowCenterWidthExplanation=["NORMAL", "HARDER"],
    )
    assert scan.display_state == DisplayState(VoiWindow(2048, 4096, "SIGMOID"))
    assert "2 windows are stated (NORMAL, HARDER); the first is used to show it" in scan.problems


def test_free_text_beside_a_window_is_not_repeated(path):
    scan = opened(path, WindowCenter=[1, 2], WindowWidth=[3, 4], WindowCenterWidthExplanation=["Mr. Doe", "for Doe"])
    assert not any("Doe" in problem for problem in scan.problems)


def test_a_table_comes_before_a_window(path):
    table = item(LUTDescriptor=[4, 6, 12], LUTData=words([0, 100, 2000, 4095]))
    scan = opened(path, WindowCenter=8, WindowWidth=4, VOILUTSequence=Sequence([table, table]))
    assert scan.display_state.voi == VoiTable(6, 12, words([0, 100, 2000, 4095]))
    assert "2 VOI lookup tables are stated; the first is used to show it" in scan.problems


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"WindowCenter": 8, "WindowWidth": 0.5}, "unknown function or an impossible width"),
        ({"WindowCenter": 8, "WindowWidth": 0, "VOILUTFunction": "LINEAR_EXACT"}, "impossible width"),
        ({"WindowCenter": 8, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"}, "impossible width"),
        ({"WindowCenter": 8, "WindowWidth": 4, "VOILUTFunction": "CUBIC"}, "unknown function"),
        (
            {"VOILUTSequence": sequence(LUTDescriptor=[9, 0, 12], LUTData=words([1, 2]))},
            "VOI lookup table is unreadable",
        ),
        (
            {"VOILUTSequence": sequence(LUTDescriptor=[2, 0, 7], LUTData=words([1, 2]))},
            "VOI lookup table is unreadable",
        ),
    ],
)
def test_an_unusable_statement_is_a_problem(path, attributes, problem):
    scan = opened(path, **attributes)
    assert scan.display_state.voi is None
    assert any(problem in line for line in scan.problems)


def test_half_a_window_states_nothing(path):
    assert opened(path, WindowCenter=8).display_state == NOTHING_STATED


def test_a_window_of_functional_groups(path):
    data = instance(STORED, Modality="DX")
    data.SharedFunctionalGroupsSequence = sequence(
        FrameVOILUTSequence=sequence(WindowCenter=7, WindowWidth=9, VOILUTFunction="LINEAR_EXACT")
    )
    assert open_scan(save(data, path)).display_state.voi == VoiWindow(7, 9, "LINEAR_EXACT")


def test_the_photometric_interpretation_decides_about_inversion(path):
    agreeing = opened(path, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert agreeing.colour == "inverted"
    assert not any("Presentation" in problem for problem in agreeing.problems)
    contradicting = opened(path, PresentationLUTShape="INVERSE")
    assert contradicting.colour == "grey"
    assert any("PresentationLUTShape INVERSE contradicts" in problem for problem in contradicting.problems)


def test_padding_is_in_real_values(path):
    scan = opened(path, PixelPaddingValue=3, PixelPaddingRangeLimit=1, RescaleSlope=2, RescaleIntercept=-10)
    assert scan.display_state.padding == (-8, -4)
    assert opened(path, PixelPaddingValue=15).display_state.padding == (15, 15)


def test_burned_in_text_is_noted(path):
    assert any("text is burned into" in line for line in opened(path, BurnedInAnnotation="YES").problems)
    assert not any("burned" in line for line in opened(path, BurnedInAnnotation="NO").problems)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_pixels_that_are_not_square(path, keyword):
    scan = opened(path, **{keyword: [0.3, 0.2]})
    assert scan.display_state.pixel_aspect == pytest.approx(1.5)
    assert "pixels are not square: 1.5 times as tall as wide" in scan.problems
    assert opened(path, **{keyword: [0.2, 0.2]}).display_state == NOTHING_STATED


def test_the_aspect_ratio_alone(path):
    assert opened(path, PixelAspectRatio=["4", "2"]).display_state.pixel_aspect == 2
    assert opened(path, PixelAspectRatio=["4", "2"], ImagerPixelSpacing=[1, 1]).display_state.pixel_aspect == 1


def test_a_mirrored_projection_is_noted(path):
    scan = opened(path, PatientOrientation=["R", "F"])
    assert scan.display_state.directions == ("R", "F")
    assert any("mirrored" in problem for problem in scan.problems)
    assert opened(path, PatientOrientation=["LA", "FP"]).display_state.directions == ("L", "F")
    assert opened(path, PatientOrientation=["", ""]).display_state.directions is None


def test_slices_of_different_windows_state_none(tmp_path):
    slices = [
        placed(STORED, (0, 0, z), number=z + 1, WindowCenter=center, WindowWidth=9)
        for z, center in enumerate([5, 5, 6])
    ]
    assert open_scan(save_all(slices[:2], tmp_path / "same").pop(0).parent).display_state.voi == VoiWindow(5, 9)
    assert open_scan(save_all(slices, tmp_path / "other")[0].parent).display_state == NOTHING_STATED
