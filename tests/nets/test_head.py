import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from vesalius.nets.head import Head

SMALL = Head(inputs=8, outputs=3, hidden=16)


def test_layers():
    kinds = [type(part).__name__ for part in make(SMALL)]
    assert kinds == ["LayerNorm", "Linear", "GELU", "Dropout", "Linear"]
    assert make(SMALL)[3].p == 0.2
    assert Head(inputs=8, outputs=3).hidden == 256
    for hidden in (0, -1):
        assert isinstance(make(Head(inputs=8, outputs=3, hidden=hidden)), torch.nn.Linear)
    assert make(SMALL)(torch.zeros(2, 5, 8)).shape == (2, 5, 3)


def test_battery(tmp_path):
    torch.manual_seed(0)
    x, target = torch.randn(6, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    for config in (SMALL, SMALL.model_copy(update={"hidden": 0})):
        check_saved_equals_loaded(config, x, tmp_path)
        check_bf16(config, x, within=0.05)
        check_overfits(config, x, target, steps=400, below=0.3)
