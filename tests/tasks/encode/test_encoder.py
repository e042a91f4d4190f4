import numpy as np
import pytest
import torch

from tasks.detect.tiny import AFFINE, NET, STEPS, head, make_encoder, make_model, prepare
from vesalius.cohort.cache import Cache
from vesalius.errors import InputError, UsageError
from vesalius.nets.resnet import ResNet
from vesalius.nets.unet import UNet
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.encoder import Encoder, similarity
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.tasks.encode.vectors import store_of
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.weights.saved import ModelConfig, from_pretrained, save_pretrained

SLICES = Slices.of(Scan.from_array(head(0, True), AFFINE), prepare())


def test_vectors_are_the_class_tokens_slice_by_slice(tmp_path):
    encoder = Encoder.from_pretrained(make_encoder(tmp_path))
    found = encoder.embed(SLICES, np.array([0, 2, 3]), batch=2)
    net = from_pretrained(tmp_path).net
    with torch.no_grad():
        one_by_one = [net(torch.from_numpy(SLICES.prepared([number])))[0][0].numpy() for number in (0, 2, 3)]
    np.testing.assert_allclose(found, np.stack(one_by_one), atol=1e-5)
    assert found.shape == (3, encoder.width) == (3, 192)
    assert found.dtype == np.float32
    rough = Encoder.from_pretrained(tmp_path, precision="bf16").embed(SLICES, np.array([0, 2, 3]))
    assert 0 < np.abs(rough - found).max() < 0.1
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):  # weights rounded once are those rounded each time
        expected = net(torch.from_numpy(SLICES.prepared([0, 2, 3])))[0].float().numpy()
    np.testing.assert_array_equal(rough, expected)


def test_patches_lie_on_their_grid(tmp_path):
    encoder = Encoder.from_pretrained(make_encoder(tmp_path))
    patches = encoder.patches(SLICES, 2)
    assert patches.shape == (2, 2, 192)
    np.testing.assert_allclose(patches.reshape(4, -1), encoder.tokens(SLICES.prepared([2]))[1][0].numpy(), atol=1e-6)


def test_similarity_by_hand():
    patches = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    for at, place in ((None, (1, 2)), ((0, 3), (0, 3))):
        mine = patches[place]
        expected = [[row @ mine / np.linalg.norm(row) / np.linalg.norm(mine) for row in line] for line in patches]
        np.testing.assert_allclose(similarity(patches, at), expected, atol=1e-6)
        assert similarity(patches, at)[place] == pytest.approx(1)
    assert np.isfinite(similarity(np.zeros((2, 2, 3), np.float32))).all()
    with pytest.raises(UsageError, match="--patch: no patch 3,0; choose from 0,0 to 2,3"):
        similarity(patches, (3, 0))


def test_digests_change_with_weights_sizes_precision_windows_and_slices(tmp_path):
    encoder = Encoder.from_pretrained(make_encoder(tmp_path / "a"))
    other = Encoder.from_pretrained(make_encoder(tmp_path / "b", seed=1))
    rough = Encoder.from_pretrained(tmp_path / "a", precision="bf16")
    folder = make_encoder(tmp_path / "c")
    net = NET.model_copy(update={"rope": "bf16"})
    parts = {"encoder": from_pretrained(tmp_path / "a").net}
    save_pretrained(folder, parts, ModelConfig.of("encode", {"encoder": net}))
    turned = Encoder.from_pretrained(folder)
    assert turned.part.digest == encoder.part.digest
    assert len({one.digest() for one in (encoder, other, rough, turned)}) == 4
    assert Encoder.from_pretrained(make_encoder(tmp_path / "d")).digest() == encoder.digest()
    window = encoder.prepared_by(InputContract(prepare=prepare(({**STEPS[0], "clip": [0, 80]}, *STEPS[1:]))))
    stores = [(encoder, SliceConfig()), (encoder, SliceConfig(stride=2)), (window, SliceConfig())]
    assert len({store_of(*store, Cache(tmp_path / "cache")).folder for store in stores}) == 3


def test_the_encoder_of_a_whole_detection_model(tmp_path):
    model = make_model(tmp_path / "model", seed=2)
    expected = Encoder.from_pretrained(make_encoder(tmp_path / "alone", seed=2))
    assert Encoder.from_pretrained(model).digest() == expected.digest()
    loaded = from_pretrained(model)
    head = {"head": loaded.parts["head"].config}
    save_pretrained(model, {"head": loaded.parts["head"]}, ModelConfig.of("detect", head, loaded.config.settings))
    with pytest.raises(InputError, match="model: has no part called encoder, only head"):
        Encoder.from_pretrained(model)


def test_refusals(tmp_path):
    net = UNet(dims=2, inputs=1, outputs=2, channels=(4, 8))
    save_pretrained(tmp_path, {"net": net.make()}, ModelConfig.of("segment", {"net": net}))
    write_contract(InputContract(), tmp_path)
    with pytest.raises(InputError, match="has no part called encoder, only net"):
        Encoder.from_pretrained(tmp_path)
    save_pretrained(tmp_path, {"encoder": net.make()}, ModelConfig.of("segment", {"encoder": net}))
    with pytest.raises(InputError, match="is not an encoder of pictures"):
        Encoder.from_pretrained(tmp_path)
    encoder = Encoder.from_pretrained(make_encoder(tmp_path / "e"))
    with pytest.raises(UsageError, match="no slice"):
        encoder.embed(SLICES, np.array([], np.int64))
    with torch.no_grad():
        encoder.part.net.vit.norm.weight.fill_(torch.nan)
    with pytest.raises(UsageError, match="not finite"):
        encoder.embed(SLICES, np.array([0]))
    wrong = np.zeros((1, 1, 32, 40), np.float32)
    with pytest.raises(
        UsageError, match="does not take 1 channel of 32 x 40 pixels; give it 3 channels and multiples of 16"
    ):
        encoder.tokens(wrong)


def test_endpoints_are_the_pooled_maps_of_block_groups(tmp_path):
    config = ResNet(depth=18, factor=0.25)
    encoder = Encoder.from_pretrained(make_encoder(tmp_path / "resnet", config=config))
    ends = encoder.endpoints(SLICES, np.array([1, 4, 5]), batch=2)
    assert [end.shape for end in ends] == [(3, width) for width in encoder.endpoint_widths()]
    assert encoder.endpoint_widths() == config.channels
    with torch.no_grad():
        maps = encoder.part.net.maps(torch.from_numpy(SLICES.prepared([1, 4, 5])))
    for end, map_BCJI in zip(ends, maps, strict=True):
        np.testing.assert_allclose(end, map_BCJI.numpy().mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(ends[-1], encoder.embed(SLICES, np.array([1, 4, 5])), atol=1e-5)
    with pytest.raises(UsageError, match="there is no slice"):
        encoder.endpoints(SLICES, np.array([], np.int64))
    with pytest.raises(UsageError, match="--endpoints: the encoder has no block groups"):
        Encoder.from_pretrained(make_encoder(tmp_path / "vit")).endpoint_widths()
