import numpy as np
import pytest

from tasks.detect.tiny import STEPS, make_cohort, make_encoder, prepare
from vesalius.errors import InputError
from vesalius.tasks.detect.config import DetectConfig
from vesalius.tasks.detect.source import Files, Scans, source_of
from vesalius.transforms.prepare import ct_slices


@pytest.fixture
def scans(tmp_path):
    manifest = make_cohort(tmp_path / "data", patients=2, per_patient=1)
    encoder = make_encoder(tmp_path / "encoder")

    def make(**keys):
        data = {"manifest": str(manifest), "encoder": str(encoder), "cache": str(tmp_path / "cache"), **keys}
        return source_of(DetectConfig.parse({"data": data}))

    return make


def test_vectors_of_scans(scans, tmp_path):
    source = scans(slices={"stride": 4})
    assert isinstance(source, Scans)
    assert source.reads_scans
    tried = source.tried(source.cohort, "cpu")
    assert not (tmp_path / "cache").exists()
    few, cost = tried.vectors, tried.cost
    assert (cost.scans, cost.slices, cost.there, cost.measured) == (2, 4, 0, 1)
    assert cost.seconds == pytest.approx(4 * cost.slice_seconds)
    assert cost.parameters == {"encoder": sum(p.numel() for p in source.encoder("cpu").part.net.parameters())}
    found = source.vectors(source.cohort, "cpu")
    for case in source.cohort:
        rows = found.of_case[case.id]
        assert found.items_N[rows].tolist() == [0, 4]
        np.testing.assert_array_equal(found.rows_ND[rows], few.rows_ND[few.of_case[case.id]])
    settings = source.settings(("any",), "cpu")
    assert (settings.encoder.name, settings.slices.stride) == ("encoder", 4)
    assert settings.unit == "case"
    assert scans(unit="study").settings(("any",), "cpu").unit == "study"
    assert str(tmp_path) not in settings.model_dump_json()


def test_the_encoder_goes_with_the_model(scans):
    source = scans()
    used = source.encoder("cpu")
    assert source.encoder("cpu") is used
    assert used.contract.prepare == prepare()


def test_another_window(scans):
    contract = scans(window="brain-subdural-bone", side=32).encoder("cpu").contract
    assert contract.prepare == ct_slices("brain-subdural-bone", 32)
    wider = scans(side=48).encoder("cpu").contract.prepare
    assert wider == prepare((STEPS[0], {"name": "resize", "size": [48, 48]}, STEPS[2]))


def test_problems_are_told(scans, tmp_path):
    (tmp_path / "data" / "p00s0.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"p00s0\.nii\.gz: "):
        scans().vectors(scans().cohort, "cpu")
    source = scans(skip_invalid=True)
    assert list(source.vectors(source.cohort, "cpu").of_case) == ["p01s0"]
    assert [problem.id for problem in source.problems] == ["p00s0"]


def test_vectors_of_files(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3, dtype=np.float32))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0]))
    data = {"embeddings": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy")}
    source = source_of(DetectConfig.parse({"data": data}))
    assert isinstance(source, Files)
    assert not source.reads_scans
    np.testing.assert_array_equal(source.vectors(source.cohort, "cpu").rows_ND, np.eye(3))
    assert source.tried(source.cohort, "cpu").cost is None
    np.testing.assert_array_equal(source.tried(source.cohort, "cpu").vectors.rows_ND, np.eye(3))
    assert source.settings(("any",), "cpu").encoder is None
    assert source.encoder("cpu") is None
