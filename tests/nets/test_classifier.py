import pytest
import torch

from nets.battery import check_saved_equals_loaded, make
from vesalius.nets.bit import BiT
from vesalius.nets.classifier import Classifier
from vesalius.nets.vit import ViT

ENCODERS = {"tokens": ViT(size="micro", depth=1, layer_scale=1.0), "map": BiT(depths=(1, 1, 1, 1))}
SIDE = {"tokens": 16, "map": 32}


@pytest.mark.parametrize("kind", ENCODERS)
def test_one_head_for_the_picture_and_its_places(kind):
    net = make(Classifier(encoder=ENCODERS[kind], outputs=2)).eval()
    x = torch.randn(3, 3, 64, 96)
    with torch.no_grad():
        logits, places = net(x)
        found = net.encoder(x)
    assert logits.shape == (3, 2)
    assert places.shape == (3, (64 // SIDE[kind]) * (96 // SIDE[kind]), 2)
    whole, patch = found[0], found[1][:, 2]
    torch.testing.assert_close(logits, whole @ net.head.weight.T + net.head.bias, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(places[:, 2], patch @ net.head.weight.T + net.head.bias, atol=1e-4, rtol=1e-4)


def test_a_layer_scale_lets_the_image_reach_the_class_token():
    x = torch.randn(2, 3, 32, 32)
    spread = []
    for scale in (1e-5, 1.0):
        net = make(ViT(size="micro", depth=1, layer_scale=scale)).eval()
        class_BD = net(x)[0].detach()
        spread.append(float((class_BD[0] - class_BD[1]).abs().max()))
    assert spread[0] < 1e-3 < spread[1]


def test_battery(tmp_path):
    check_saved_equals_loaded(
        Classifier(encoder=ENCODERS["tokens"], outputs=2, hidden=8), torch.randn(2, 3, 32, 32), tmp_path
    )
