import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.objectives.dice_ce import NOT_LABELLED, DiceCe
from vesalius.objectives.keyframe_diversity import keyframe_diversity
from vesalius.objectives.ume import Draws, UmeLoss, roughness

CLASSES = torch.tensor([[[[0, 0, 1, NOT_LABELLED, 1]]]])  # B I J K


def batch(classes=CLASSES):
    return {"classes": classes, "missing": torch.zeros(len(classes), 2, dtype=torch.bool)}


def test_the_total_is_the_weighted_sum():
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 1, 1, 5), torch.randn(1, 2, 1, 1, 5)
    keyframes = torch.randn(2, 3, 4)
    loss = UmeLoss(diversity=0.2, consistency=0.3, temporal=0.4).make()
    total, terms = loss(Draws(logits, keyframes), batch())
    p, q = (one.softmax(1) for one in logits)
    seg = sum(DiceCe()(one, CLASSES).item() for one in logits) / 2
    apart = sum((p[0, n, 0, 0, k] - q[0, n, 0, 0, k]).item() ** 2 for n in range(2) for k in range(5)) / 5
    rough = [sum((one[0, n, 0, 0, 1] - one[0, n, 0, 0, 0]).item() ** 2 for n in range(2)) for one in (p, q)]
    expected = seg + 0.2 * keyframe_diversity(keyframes).item() + 0.3 * apart + 0.4 * sum(rough) / 2
    assert total.item() == pytest.approx(expected, abs=1e-5)
    assert set(terms) == {"seg", "div", "consistency", "temporal"}
    assert not any(term.requires_grad for term in terms.values())


def test_roughness_counts_only_equal_labels():
    p = torch.zeros(1, 2, 1, 1, 5)
    p[..., 2:] = 1  # changes where the label changes, and where it is unknown
    assert roughness(p, CLASSES) == 0
    p[0, :, 0, 0, 1] = 0.5  # between two frames of class 0
    assert roughness(p, CLASSES).item() == pytest.approx(0.5)


def test_roughness_is_a_mean_over_scans():
    """So two processes with a scan each have that of one with both, however many frames are labelled."""
    torch.manual_seed(0)
    p = torch.rand(2, 2, 2, 2, 5)
    classes = torch.zeros(2, 2, 2, 5, dtype=torch.long)
    classes[1, ..., 2:] = -1
    alone = [roughness(p[n : n + 1], classes[n : n + 1]) for n in range(2)]
    torch.testing.assert_close(roughness(p, classes), torch.stack(alone).mean())
    classes[1] = -1
    assert roughness(p, classes).item() == pytest.approx(alone[0].item() / 2)


def test_one_draw_without_consistency():
    class Net(torch.nn.Module):
        def forward(self, x, *, keyframes):
            assert keyframes
            return x, torch.ones(len(x), 1, 1)

    image = {"image": torch.zeros(3, 2, 1, 1, 5)}
    assert len(UmeLoss(consistency=0).outputs(Net(), image).logits) == 1
    two = UmeLoss().outputs(Net(), image)
    assert [len(one) for one in two.logits] == [3, 3]


def test_its_segmentation_is_a_loss_of_logits():
    with pytest.raises(ConfigError, match="choose dice_ce or dice_bce"):
        UmeLoss.parse({"segmentation": {"name": "ume"}})
