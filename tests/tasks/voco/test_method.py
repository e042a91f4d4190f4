import pytest
import torch

from vesalius.errors import UsageError
from vesalius.nets.ume import UME
from vesalius.nets.unet_encoder import UNetEncoder
from vesalius.tasks.voco.masked import Masked
from vesalius.tasks.voco.method import METHODS, VolumeMethod
from vesalius.tasks.voco.neighbours import NeighbourOverlap
from vesalius.tasks.voco.published import Voco, VocoTpami

NET = UNetEncoder(channels=(4, 8), units=1)


def test_every_name_is_a_method():
    assert {name: VolumeMethod.read({"name": name}).__class__ for name in METHODS.names()}.keys() == set(
        METHODS.names()
    )


def test_whole_networks_are_doubled_in_2024_and_the_head_alone_in_2025():
    first, second = Voco(hidden=8, outputs=4).modules(NET), VocoTpami(hidden=8, outputs=4).modules(NET)
    assert set(first) == {"encoder", "head", "teacher_encoder", "teacher_head"}
    assert set(second) == {"encoder", "head", "teacher_head"}
    assert not any(p.requires_grad for p in first["teacher_encoder"].parameters())
    assert all(p.requires_grad for p in second["encoder"].parameters())
    assert (Voco().hidden, VocoTpami().hidden, VocoTpami().dropout) == (2048, 1024, 0.2)


def test_a_teacher_follows_and_a_frozen_one_does_not():
    method = Voco(hidden=8, outputs=4)
    modules = method.modules(NET)
    with torch.no_grad():
        modules["head"][0].weight.add_(1)
    before = modules["teacher_head"][0].weight.clone()
    Voco(momentum=1).after_step(modules)
    assert torch.equal(modules["teacher_head"][0].weight, before)
    method.after_step(modules)
    torch.testing.assert_close(modules["teacher_head"][0].weight, before + 0.1)
    alone = method.alone({name: modules[name] for name in ("encoder", "head")})
    assert alone["teacher_head"] is modules["head"]


def test_crops_that_the_encoder_does_not_take():
    with pytest.raises(UsageError, match="multiples of 2, 2, 2 voxels"):
        Masked(crop=(9, 8, 8)).check_net(NET)
    with pytest.raises(UsageError, match="one block"):
        Masked(crop=(2, 2, 2)).check_net(NET)


UME_NET = UME(inputs=1, size="micro", patch=8, picture=16, keyframes="uniform", max_keyframes=3)


def test_ume_takes_any_number_of_frames_and_cannot_be_a_masked_autoencoder():
    NeighbourOverlap(geometry={"crop": [16, 8, 5]}).check_net(UME_NET)
    with pytest.raises(UsageError, match="multiples of 8, 8, 1 voxels"):
        NeighbourOverlap(geometry={"crop": [12, 8, 8]}).check_net(UME_NET)
    with pytest.raises(UsageError, match="no place for each block"):
        Masked(crop=(16, 16, 16)).check_net(UME_NET)
