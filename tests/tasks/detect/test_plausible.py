from dataclasses import replace

import numpy as np
import pytest

from real_data import real
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import head_ct_study
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.detect.plausible import check_head_ct, shifted


@pytest.fixture(scope="module")
def study():
    return head_ct_study(HeadCtOptions(matrix=96, slices=12, thickness_mm=12.0, subslices=1), 0, 0)


@pytest.fixture
def phantom(study):
    return Scan.from_array(study.image_IJK, study.affine)


def test_a_phantom_head_passes(phantom):
    found = check_head_ct(phantom)
    assert 80 < found.numbers["enclosed_cm2"] < 250
    assert found.numbers["air"] > 0.1
    assert found.warnings == ("the file does not say that it is CT",)
    assert check_head_ct(replace(phantom, modality="CT")).warnings == ()


def test_another_zero_is_refused_and_mended(phantom):
    template = shifted(phantom, 1024)
    with pytest.raises(UsageError, match="pass --intercept -1024"):
        check_head_ct(template)
    mended = check_head_ct(shifted(template, -1024)).numbers["enclosed_cm2"]
    assert mended == pytest.approx(check_head_ct(phantom).numbers["enclosed_cm2"])


def test_what_is_no_head_ct(study, phantom):
    image, affine = study.image_IJK.astype(np.float32), study.affine
    with pytest.raises(InputError, match="is MR"):
        check_head_ct(replace(phantom, modality="MR"))
    with pytest.raises(InputError, match="one value everywhere"):
        check_head_ct(Scan.from_array(np.zeros((20, 20, 5)), np.eye(4)))
    with pytest.raises(InputError, match="no slice shows a brain"):
        check_head_ct(Scan.from_array(np.minimum(image, 200), affine))  # without bone
    with pytest.raises(InputError, match="no air"):
        check_head_ct(Scan.from_array(np.abs(image) % 300 + 300, affine))
    with pytest.raises(InputError, match="it is MR, or CT with another zero"):
        check_head_ct(Scan.from_array(np.abs(image) % 300, affine))
    with pytest.raises(InputError, match="2 frames"):
        check_head_ct(Scan.from_array(np.stack([image, image])[None], affine))
    with pytest.raises(InputError, match="no slice shows a brain"):
        check_head_ct(Scan.from_array(image[..., :1] * 0 - 1000 + np.eye(96)[..., None], affine))


def test_two_slices_pass_with_a_warning(study):
    found = check_head_ct(Scan.from_array(study.image_IJK[..., 6:8], study.affine))
    assert "2 slices cover 24 mm, less than a brain" in found.warnings


def test_the_real_tilted_head_passes():
    assert check_head_ct(open_scan(real("ct-head-tilted-dicom"))).numbers["enclosed_cm2"] > 80


def test_real_scans_of_other_things():
    for name in ("ct-body", "brain-ms", "hippocampus-msd"):
        scans = sorted(real(name).rglob("*.nii*")) or [real(name)]
        with pytest.raises(VesaliusError):
            check_head_ct(open_scan(scans[0]))


def test_stretched_soft_tissue_is_told_apart(study):
    """Rescaled as the SPM Clinical Toolbox does: what lies 900 above the lowest value grows elevenfold, up to 200."""
    raw = study.image_IJK.astype(np.float32) + 1024
    stretched = Scan.from_array(raw + 10 * np.clip(raw - 900, 0, 200), study.affine)
    with pytest.raises(InputError, match="stretched as in Cormack units"):
        check_head_ct(stretched)
    with pytest.raises(InputError, match="whatever is added"):
        check_head_ct(shifted(stretched, -1024))


def test_the_real_template_is_no_hu_whatever_its_zero():
    """Its soft tissue is stretched: with its air at -1024, its ventricles lie at 1250 and its brain at 1500."""
    template = open_scan(real("ct-head-template/scct.nii"))
    with pytest.raises(
        InputError, match=r"Cormack units: no HU.*pass --intercept -1024 only where nothing but the zero"
    ):
        check_head_ct(template)
    with pytest.raises(InputError, match=r"stretched as in Cormack units: no HU, whatever is added"):
        check_head_ct(shifted(template, -1024))
