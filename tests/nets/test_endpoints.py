import torch

from nets.battery import make
from vesalius.nets.endpoints import Endpoints
from vesalius.nets.head import Head
from vesalius.nets.resnet import ResNet


def test_every_end_has_a_name():
    encoder = make(ResNet(depth=18, factor=0.125, inputs=1)).eval()
    head = make(Head(inputs=64, outputs=3, hidden=0))
    x = torch.randn(2, 1, 64, 32)
    with torch.no_grad():
        ends = dict(zip(Endpoints(encoder, head).names, Endpoints(encoder, head)(x), strict=True))
        whole_BD, maps = encoder(x)[0], encoder.maps(x)
        assert torch.allclose(ends["embedding"], whole_BD, atol=1e-6)
        assert torch.allclose(ends["logits"], head(whole_BD), atol=1e-6)
        assert all(torch.equal(ends[f"block_group{number}"], end) for number, end in enumerate(maps, 1))
        assert Endpoints(encoder).names == ("embedding", "block_group1", "block_group2", "block_group3", "block_group4")
        assert len(Endpoints(encoder)(x)) == 5
