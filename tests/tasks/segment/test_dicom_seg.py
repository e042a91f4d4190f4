"""`predict --dicom-seg`: the NIfTI map and the DICOM SEG of a series are the same."""

import json

import numpy as np
import pydicom
import pytest

from dicom_making import placed, save
from tasks.predict.test_run import make_model
from tasks.segment.small import AFFINE, SHAPE, blob
from vesalius.errors import MissingExtraError
from vesalius.phantom.nifti import write_nifti
from vesalius.scan.open import open_scan
from vesalius.tasks.predict.run import predict


def make_series(folder):
    """The blobs as slices, in files whose names are in another order."""
    folder.mkdir(parents=True)
    image_IJK = blob(0)[0].round().astype(np.int16)
    for n, k in enumerate(np.random.default_rng(0).permutation(SHAPE[2]).tolist()):
        slice_JI = np.ascontiguousarray(image_IJK[:, :, k].T)
        save(placed(slice_JI, (0, 0, 2 * k), spacing=(1.5, 1.0), number=n + 1), folder / f"{n}.dcm")
    return folder


def test_beside_the_map_of_a_series(tmp_path):
    pytest.importorskip("highdicom")
    model, series, out = make_model(tmp_path / "fold"), make_series(tmp_path / "data" / "s"), tmp_path / "out"
    write_nifti(tmp_path / "data" / "n.nii.gz", blob(1)[0][None], AFFINE)
    done = predict(model, [tmp_path / "data"], out, {"dicom_seg": True}, device="cpu")
    (name,) = done.results
    assert [study["reason"] for study in done.failed] == [
        "is no DICOM series, so no DICOM SEG can refer to it; leave out --dicom-seg"
    ]
    assert not (out / "n.nii.gz").exists()
    assert done.results[name]["dicom_seg"] == [f"{name}.seg.dcm"]
    label_map, segmentation = open_scan(out / f"{name}.nii.gz"), pydicom.dcmread(out / f"{name}.seg.dcm")
    labels_IJK, found_IJK = label_map.stored()[0, 0], np.zeros(SHAPE, np.uint8)
    inverse = np.linalg.inv(label_map.affine) @ np.diag([-1.0, -1, 1, 1])  # from LPS
    for group, frame_JI in zip(segmentation.PerFrameFunctionalGroupsSequence, segmentation.pixel_array, strict=True):
        position = group.PlanePositionSequence[0].ImagePositionPatient
        i, j, k, _ = inverse @ [*map(float, position), 1]
        np.testing.assert_allclose([i, j], 0, atol=1e-4)
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        found_IJK[:, :, round(k)][frame_JI.T > 0] = [4, 7][number - 1]
    np.testing.assert_array_equal(found_IJK, labels_IJK)
    assert len(np.unique(labels_IJK)) > 1
    algorithm = segmentation.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("fold", done.models["fold"][:16])
    page, summary = (out / "report.html").read_text(), (out / "summary.json").read_text()
    assert "DICOM SEG files hold the patient" in page
    assert not [text for text in (page, summary) if "PLANTED" in text]
    assert f"{name}.seg.dcm" in json.loads((out / "studies.jsonl").read_text())["files"]
    again = predict(model, [series], out, {"dicom_seg": True}, device="cpu")
    assert len(again.skipped) == 1
    predict(model, [series], out, device="cpu", force=True)  # other options: the files of this run go
    assert not list(out.glob("*.seg.dcm"))


def test_a_missing_extra_is_one_line_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("vesalius.scan.dicom.segmentation.find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"highdicom.* is not installed; install it with: .*pip install .*dicom"
    ):
        predict(make_model(tmp_path / "model"), [tmp_path], tmp_path / "out", {"dicom_seg": True}, device="cpu")
    assert not (tmp_path / "out").exists()
