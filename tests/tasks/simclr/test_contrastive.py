import pytest
import torch
from torch import nn

from vesalius.nets.projection import Projection
from vesalius.objectives.nt_xent import NtXent
from vesalius.tasks.simclr.contrastive import Contrastive


def test_defaults_are_those_of_remedis():
    method = Contrastive()
    assert (method.temperature, method.hidden_norm) == (0.1, True)
    assert method.head(64) == Projection(inputs=64, outputs=128, layers=2)
    assert method.helpers(64) == {}


def test_compares_the_first_half_with_the_second():
    whole_VD = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
    loss, logs = Contrastive(temperature=0.5).loss({"head": nn.Identity()}, whole_VD)
    torch.testing.assert_close(loss, NtXent(0.5)(whole_VD[:6], whole_VD[6:]))
    assert 0 <= logs["contrast_accuracy"] <= 1
    _, logs = Contrastive().loss({"head": nn.Identity()}, torch.eye(4).repeat(2, 1))
    assert logs["contrast_accuracy"] == pytest.approx(1)
