import numpy as np
import pytest

from vesalius.scan.scan import Scan
from vesalius.tasks.weights.contracts import contract_of


def test_ct_slices_for_meddinov3():
    contract = contract_of("meddinov3", 3)
    hu = np.linspace(-900, 1500, 32 * 32 * 5, dtype=np.float32).reshape(1, 1, 32, 32, 5).copy()
    hu[0, 0, :16, :16] = -3000
    hu[0, 0, 16:, 16:] = 65.1084213
    x_BCJI = contract.prepared({"image": Scan.from_array(hu, np.diag([-1.0, -1.0, 5.0, 1.0]))})
    assert x_BCJI.shape == (5, 3, 224, 224)
    assert np.array_equal(x_BCJI[:, 0], x_BCJI[:, 2])
    assert x_BCJI.min() == pytest.approx((-1000 - 65.1084213) / 178.0166321, rel=1e-5)
    assert x_BCJI.max() <= (1000 - 65.1084213) / 178.0166321 + 1e-4
    assert abs(x_BCJI[0, 0, 170, 170]) < 1e-4


@pytest.mark.parametrize(("layout", "inputs"), [("meddinov3", 1), ("dinov2", 3), ("voco-swinunetr", 1)])
def test_what_is_not_known_is_not_invented(layout, inputs):
    assert contract_of(layout, inputs) is None
