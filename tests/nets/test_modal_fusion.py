import pytest
import torch

from vesalius.errors import UsageError
from vesalius.nets.modal_fusion import ModalFusion, check_present, drop_modalities


def test_missing_modalities_change_the_result_and_their_numbers_do_not():
    torch.manual_seed(0)
    fusion = ModalFusion(3, 16, 2)
    y_BMNLD = torch.randn(2, 3, 4, 5, 16)
    every, some = torch.ones(2, 3, dtype=torch.bool), torch.tensor([[True, False, True]] * 2)
    whole, part = fusion(y_BMNLD, every), fusion(y_BMNLD, some)
    assert whole.shape == part.shape == (2, 4, 5, 16)
    assert (whole - part).abs().max() > 1e-4
    other = y_BMNLD.clone()
    other[:, 1] = 100
    torch.testing.assert_close(fusion(other, some), part)


def test_places_stay_apart_and_keyframes_do_not():
    torch.manual_seed(0)
    fusion = ModalFusion(2, 16, 2)
    y_BMNLD, present = torch.randn(1, 2, 3, 4, 16), torch.ones(1, 2, dtype=torch.bool)
    other = y_BMNLD.clone()
    other[:, 0, 0, 0] = torch.randn(16)
    changed_NL = (fusion(other, present) - fusion(y_BMNLD, present)).abs().amax((0, 3)) > 1e-7
    assert changed_NL[:, 0].all()
    assert not changed_NL[:, 1:].any()


def test_dropping_leaves_one_and_invents_none():
    torch.manual_seed(0)
    present = torch.tensor([[True, True, False], [False, True, False]] * 50)
    dropped = drop_modalities(present, 0.9)
    assert dropped.any(1).all()
    assert not (dropped & ~present).any()
    assert dropped.sum() < present.sum()
    assert torch.equal(drop_modalities(present, 0.0), present)


def test_nothing_at_all():
    with pytest.raises(UsageError, match="every modality of a scan is missing"):
        check_present(torch.tensor([[True, False], [False, False]]))
