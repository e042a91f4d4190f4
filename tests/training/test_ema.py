import torch
from torch import nn

from vesalius.training.ema import Ema


def test_follows_the_formula_and_swaps_back():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = Ema({"net": net}, 0.9)
    slow = {key: value.clone() for key, value in net.state_dict().items()}
    for step in range(30):
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter))
            net[1].num_batches_tracked += 1
        decay = min(0.9, (1 + step) / (10 + step))
        for key, value in net.state_dict().items():
            slow[key] = decay * slow[key] + (1 - decay) * value if value.is_floating_point() else value.clone()
        ema.update(step)
    weights = {key: value.clone() for key, value in net.state_dict().items()}
    with ema.applied():
        for key, value in net.state_dict().items():
            torch.testing.assert_close(value, slow[key], rtol=1e-4, atol=1e-5)
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0)
    other = Ema({"net": nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))}, 0.9)
    other.load(ema.averages)
    for key, value in ema.averages.items():
        torch.testing.assert_close(other.averages[key], value, rtol=0, atol=0)
