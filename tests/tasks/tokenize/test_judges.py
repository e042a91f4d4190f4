"""Frozen networks that losses look through."""

import pytest
import torch

from vesalius.errors import InputError
from vesalius.nets.resnet import ResNet
from vesalius.tasks.tokenize.judges import EncoderFeatures, MaskFinder
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained


def test_the_segmenter_of_the_zoo_sees_pictures_as_it_was_trained_on():
    finder = MaskFinder("segment/cine_unet").eval()
    x_BCJI = torch.rand(1, 1, 20, 38, generator=torch.Generator().manual_seed(0))
    logits = finder(x_BCJI)
    assert logits.shape == (1, 4, 20, 38)
    net = from_pretrained("segment/cine_unet").net.eval()
    x_BCIJ = torch.nn.functional.pad(x_BCJI.transpose(2, 3), (0, 12, 0, 10), mode="replicate")
    assert torch.allclose(logits, net(x_BCIJ)[:, :, :38, :20].transpose(2, 3), atol=1e-5)


def test_an_encoder_gives_the_features_of_its_places(tmp_path):
    config = ResNet(depth=18, factor=0.25, inputs=3)
    net = config.make().eval()
    save_pretrained(tmp_path, {"encoder": net}, ModelConfig.of("simclr", {"encoder": config}))
    features = EncoderFeatures(str(tmp_path)).eval()
    x_BCJI = torch.rand(2, 1, 32, 64, generator=torch.Generator().manual_seed(0))
    (level_BDL,) = features(x_BCJI)
    assert torch.allclose(level_BDL, net(x_BCJI.repeat(1, 3, 1, 1))[1].transpose(1, 2), atol=1e-5)


def test_what_does_not_fit_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match="is a model for finetune"):
        MaskFinder("finetune/blood_cells")
    with pytest.raises(InputError, match="no part called encoder"):
        EncoderFeatures("segment/cine_unet")
    from vesalius.nets.unet import UNet

    config = UNet.build(dims=2, inputs=2, outputs=2, channels=(4, 8))
    save_pretrained(tmp_path, {"net": config.make()}, ModelConfig.of("segment", {"net": config}))
    with pytest.raises(InputError, match="no segmenter of pictures of one channel"):
        MaskFinder(str(tmp_path))
