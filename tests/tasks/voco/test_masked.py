import numpy as np
import torch
from torch import nn

from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.tasks.voco.masked import Masked, in_places

NET = UNetEncoder(channels=(4, 8), units=1)


class Seen(nn.Module):
    """An encoder that keeps what it was given; its places are the voxels themselves."""

    def forward(self, x_BCIJK):
        self.given = x_BCIJK
        places_BLP = in_places(x_BCIJK, 2)
        return places_BLP.mean(1), places_BLP


def batch(method, count=2):
    draw = np.random.default_rng(0)
    image = torch.randn(count, 1, 8, 8, 8)
    drawn = [method.draw(draw, NET, (8, 8, 8)) for _ in range(count)]
    stacked = {name: torch.from_numpy(np.stack([one[name] for one in drawn])) for name in drawn[0]}
    return {"image": image, **stacked}


def test_the_loss_is_the_error_in_hidden_blocks_alone():
    method = Masked(crop=(8, 8, 8), hidden=0.75, changes={"flip": 0, "quarter_turn": 0, "shift_p": 0})
    given, encoder = batch(method), Seen()
    assert given["hidden"].shape == (2, 4, 4, 4)
    assert given["hidden"].sum((1, 2, 3)).tolist() == [48, 48]
    loss, logs = method.loss({"encoder": encoder, "head": nn.Identity()}, given)
    hidden = torch.nn.functional.interpolate(given["hidden"][:, None].float(), scale_factor=2) > 0
    assert not encoder.given[hidden].any()
    torch.testing.assert_close(encoder.given[~hidden], given["image"][~hidden], atol=1e-4, rtol=0)
    torch.testing.assert_close(loss, (given["image"][hidden] ** 2).mean(), atol=1e-3, rtol=0)
    assert set(logs) == {"spread", "effective_rank"}


def test_the_order_of_places_is_that_of_the_encoder():
    x = torch.randn(1, 2, 4, 8, 2)
    places = in_places(x, 2)
    assert places.shape == (1, 8, 16)
    torch.testing.assert_close(places[0, 5].reshape(2, 2, 2, 2), x[0, :, 2:4, 2:4, 0:2])
    _, encoded = NET.make()(torch.randn(1, 1, 4, 8, 2))
    assert encoded.shape[1] == places.shape[1]
