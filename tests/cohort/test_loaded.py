import numpy as np
import pytest

from cohort.loading import Scaled
from real_data import real
from vesalius.cohort.cache import Cache
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loaded import LoadedCase, Problem
from vesalius.cohort.loader import Loader


def test_a_loaded_case_knows_its_id_and_size():
    case = Case(id="a", images={"image": "x"}, facts={"age": 7})
    loaded = LoadedCase(case, np.zeros((2, 3), np.float32), np.zeros(0, np.float32), "k", {"m": np.zeros(5, np.uint8)})
    assert loaded.id == "a"
    assert loaded.case.facts == {"age": 7}
    assert loaded.nbytes == 29
    assert str(Problem("a", "is gone")) == "case a: is gone"


@pytest.mark.data
def test_real_scans_come_as_they_are_opened(tmp_path):
    """Cines, static MR and a folder of DICOM instances; from the files and from the cache."""
    from vesalius.scan.open import open_scan

    root = real("hippocampus-msd").parent
    paths = [
        *sorted(root.glob("hippocampus-msd/imagesTr/*.nii.gz"))[:3],
        *sorted(root.glob("cine-*/*/*_4d.nii.gz"))[:1],
        root / "ct-head-tilted-dicom",
    ]
    cases = tuple(Case(id=f"{n}", images={"image": path.relative_to(root).as_posix()}) for n, path in enumerate(paths))
    loader = Loader(
        Cohort(cases, root), prepare=Scaled(), cache=Cache(tmp_path), memory_mib=64, workers=2, order="cohort"
    )
    for epoch in range(2):
        for sample, path in zip(loader.epoch(epoch), paths, strict=True):
            np.testing.assert_array_equal(sample.image, open_scan(path).values()[:, 0])
    assert not loader.problems
