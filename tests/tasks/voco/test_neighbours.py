import numpy as np
import pytest
import torch

from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.tasks.voco.neighbours import NeighbourOverlap

NET = UNetEncoder(channels=(4, 8), units=1)


def test_the_terms_are_weighed_as_described():
    method = NeighbourOverlap.build(geometry={"crop": [8, 8, 4]}, hidden=8, outputs=4)
    assert (method.temperature, method.lambda_area, method.geometry.overlap) == (0.07, 1.0, 0.25)
    drawn = [method.draw(np.random.default_rng(n), NET, (24, 24, 8)) for n in range(3)]
    given = {name: torch.from_numpy(np.stack([one[name] for one in drawn])) for name in drawn[0]}
    given["image"] = torch.randn(3, 1, 24, 24, 8)
    modules = method.modules(NET)
    assert set(modules) == {"encoder", "head"}
    loss, logs = method.loss(modules, given)
    assert float(logs["voco"]) == pytest.approx(0.5 * float(logs["contrastive"]) + 0.3 * float(logs["area"]), rel=1e-5)
    assert float(loss.detach()) == pytest.approx(float(logs["voco"]) + 0.1 * float(logs["div"]), rel=1e-5)
    loss.backward()
    assert all(p.grad is not None for p in modules["encoder"].parameters())
