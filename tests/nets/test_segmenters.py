import pytest
import torch

from vesalius.nets.pyramid_unet import PyramidUNet
from vesalius.nets.segmenters import joined_segmenter
from vesalius.nets.ume import UMESegmenter

UME = {"name": "ume", "inputs": 2, "size": "micro", "patch": 4, "picture": 8, "max_keyframes": 2}
NETS = {
    "pyramid": (PyramidUNet.build(encoder={"name": "resnet", "depth": 18}, outputs=2), (1, 3, 32, 32)),
    "frames": (UMESegmenter.build(encoder=UME, outputs=3, channels=8), (1, 2, 8, 8, 3)),
}


@pytest.mark.parametrize("name", NETS)
def test_two_parts_make_the_whole(name):
    config, shape = NETS[name]
    whole = config.make().eval()
    again, net = joined_segmenter(config.encoder, config.decoder, whole.encoder, whole.decoder)
    assert again.outputs == config.outputs
    x = torch.randn(shape)
    with torch.no_grad():
        assert torch.equal(net(x), whole(x))


def test_parts_that_do_not_fit():
    frames, pyramid = NETS["frames"][0], NETS["pyramid"][0]
    nets = frames.encoder.make(), frames.decoder.make()
    wider = frames.decoder.model_copy(update={"memory": 2 * frames.decoder.memory})
    assert joined_segmenter(frames.encoder, wider, *nets) is None
    assert joined_segmenter(frames.encoder, pyramid.decoder, *nets) is None
    assert joined_segmenter(frames.encoder, frames.decoder, nets[1], nets[1]) is None
