import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.objectives.rectified_flow import FlowConfig, flow_loss, point, shifted


def test_a_path_begins_at_noise_and_ends_at_the_data():
    data, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    assert torch.equal(point(data, noise, torch.zeros(2)), noise)
    assert torch.equal(point(data, noise, torch.ones(2)), data)


@pytest.mark.parametrize("predicts", ["data", "velocity"])
def test_a_perfect_prediction_has_no_loss(predicts):
    torch.manual_seed(0)
    data, noise, t_B = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4), torch.tensor([0.0, 0.4, 0.9])
    output = data if predicts == "data" else data - noise
    velocity = FlowConfig(predicts=predicts).velocity(output, point(data, noise, t_B), t_B)
    torch.testing.assert_close(velocity, data - noise)
    assert flow_loss(velocity, data, noise) < 1e-10


def test_the_velocity_of_predicted_data_does_not_explode_at_the_end():
    data, t_B = torch.ones(1, 1, 2, 2), torch.tensor([0.999])
    flow = FlowConfig(predicts="data", least=0.05)
    x = point(data, torch.zeros_like(data), t_B)
    assert flow.velocity(data + 1, x, t_B).max() < 1.01 / 0.05
    assert flow.velocity(data + 1, x, t_B, least=1e-4).max() > 900


def test_the_loss_by_hand():
    velocity = torch.tensor([[[[1.0, 2.0]]]])
    data, noise = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])  # velocities 1 and -1
    assert flow_loss(velocity, data, noise) == pytest.approx((0 + 9) / 2)
    weight = torch.tensor([[[1.0, 3.0]]])
    assert flow_loss(velocity, data, noise, weight) == pytest.approx(3 * 9 / 4)


def test_times_are_logit_normal_with_a_uniform_share():
    torch.manual_seed(0)
    t_B = FlowConfig(at_noise=0).times(20000)
    assert torch.logit(t_B).mean().abs() < 0.03
    assert torch.logit(t_B).std() == pytest.approx(1, abs=0.03)
    even_B = FlowConfig(uniform=1.0, at_noise=0).times(20000)
    assert even_B.std() == pytest.approx(12**-0.5, abs=0.01)
    assert ((t_B > 0) & (t_B < 1)).all()


def test_some_times_are_pure_noise():
    torch.manual_seed(0)
    t_B = FlowConfig(at_noise=0.2, uniform=0.3).times(20000)
    assert (t_B == 0).float().mean() == pytest.approx(0.2, abs=0.01)


def test_a_shift_moves_times_towards_noise():
    t = torch.linspace(0, 1, 11)
    assert (shifted(t, 3.0)[1:-1] < t[1:-1]).all()
    torch.testing.assert_close(shifted(t, 1.0), t)
    torch.testing.assert_close(shifted(shifted(t, 3.0), 1 / 3), t)


def test_what_cannot_be_is_one_line():
    with pytest.raises(ConfigError, match="least"):
        FlowConfig.build(least=0.0)
