import numpy as np
import pytest
import torch

from vesalius.nets.ume import UME
from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.tasks.voco.crops import cut_crops
from vesalius.tasks.voco.neighbours import NeighbourOverlap

NET = UNetEncoder(channels=(4, 8), units=1)


METHOD = NeighbourOverlap.build(geometry={"crop": [8, 8, 4]}, hidden=8, outputs=4)


def batch(net):
    drawn = [METHOD.draw(np.random.default_rng(n), net, (24, 24, 8)) for n in range(3)]
    given = {name: torch.from_numpy(np.stack([one[name] for one in drawn])) for name in drawn[0]}
    return given | {"image": torch.randn(3, 1, 24, 24, 8)}


def test_the_terms_are_weighed_as_described():
    method, given = METHOD, batch(NET)
    assert (method.temperature, method.lambda_area, method.geometry.overlap) == (0.07, 1.0, 0.25)
    modules = method.modules(NET)
    assert set(modules) == {"encoder", "head"}
    loss, logs = method.loss(modules, given)
    assert float(logs["voco"]) == pytest.approx(0.5 * float(logs["contrastive"]) + 0.3 * float(logs["area"]), rel=1e-5)
    assert float(loss.detach()) == pytest.approx(float(logs["voco"]) + 0.1 * float(logs["div"]), rel=1e-5)
    loss.backward()
    assert all(p.grad is not None for p in modules["encoder"].parameters())


def test_diversity_is_that_of_keyframes_where_the_encoder_takes_some():
    net = UME(inputs=1, size="micro", patch=4, picture=8, max_keyframes=2)
    modules, given = {name: part.eval() for name, part in METHOD.modules(net).items()}, batch(net)
    loss, logs = METHOD.loss(modules, given)
    crops = cut_crops(given["image"], given, (8, 8, 4), (8, 8, 4)).flatten(0, 1)
    whole, _, keyframes = modules["encoder"](crops, keyframes=True)
    assert keyframes.shape == (15, 2, net.width)
    torch.testing.assert_close(keyframes.mean(1), whole)
    cosine = torch.nn.functional.cosine_similarity(keyframes[:, 0], keyframes[:, 1], dim=-1)
    torch.testing.assert_close(logs["div"], cosine.square().mean())
    assert float(loss.detach()) == pytest.approx(float(logs["voco"]) + 0.1 * float(logs["div"]), rel=1e-5)
