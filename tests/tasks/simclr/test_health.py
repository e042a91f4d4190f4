import pytest
import torch
from torch import nn

from tasks.simclr.small import RESNET, make_pictures, table
from vesalius.errors import TrainingError
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.health import Health
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.training.loop import Loop
from vesalius.training.record import read_record


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("pictures"))


class Means(nn.Module):
    """Means of the quarters of a picture."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x_BCJI):
        places = nn.functional.adaptive_avg_pool2d(x_BCJI, 2).flatten(1) * self.weight
        return places, places


def health(manifest, **changes):
    config = SimclrConfig.parse(table(manifest, **changes))
    parts = SimclrJob(config).parts()
    return Health(config, parts["train"], parts["val"])


def test_equal_vectors_and_labels_that_are_seen(manifest):
    measured = health(manifest)
    assert measured.counts == {"train": 24, "held out": 12}
    net = Means()
    first = measured.measure(net, nn.Identity())
    assert 0 < first["spread"] < 1
    assert 1 < first["effective_rank"] <= 4
    assert 0 < first["alignment"] < 1
    nn.init.zeros_(net.weight)
    collapsed = measured.measure(net, nn.Identity())
    assert (collapsed["spread"], collapsed["effective_rank"], collapsed["alignment"]) == (0, 1, 0)
    assert collapsed["neighbours"] == collapsed["probe"] == 0.5


def test_few_pictures_of_a_large_cohort(manifest):
    assert health(manifest, health={"most": 5}).counts == {"train": 5, "held out": 5}


def test_one_picture_or_a_net_before_its_first_step_is_no_collapse(manifest):
    cautious = health(manifest, health={"most": 2, "grace": 0})
    collapsed = {"spread": 0.0, "effective_rank": 1.0}
    cautious.check(collapsed, 0)
    with pytest.raises(TrainingError, match="after 1 epochs"):
        cautious.check(collapsed, 1)
    config = SimclrConfig.parse(table(manifest))
    parts = SimclrJob(config).parts()
    first = parts["val"].cases[0].id
    alone = Health(config, parts["train"], parts["val"].where(lambda case: case.id == first))
    measured = alone.measure(Means(), nn.Identity())
    assert set(measured) == {"effective_rank", "alignment"}
    alone.check(measured, 100)


def test_a_collapse_ends_the_run_in_one_line(manifest, tmp_path):
    config = SimclrConfig.parse(table(manifest, net=RESNET, health={"grace": 2}))

    def plant(modules):
        """Blocks that add nothing to a stem that sees nothing: all vectors are equal, and no gradient changes that."""
        torch.nn.init.zeros_(modules["encoder"].conv1.weight)
        modules["encoder"].requires_grad_(False)

    loop = Loop(SimclrJob(config).task(), config.train, tmp_path, cpu=True, start=plant)
    with pytest.raises(TrainingError, match=r"health: the encoder has collapsed after 2 epochs: .*; lower") as raised:
        loop.run()
    assert "\n" not in str(raised.value)
    validations = [row for row in rows(tmp_path) if row["kind"] == "validation"]
    assert [row["step"] for row in validations] == [0, 3]
    assert validations[-1]["spread"] == pytest.approx(0, abs=1e-6)
    assert (tmp_path / "last").exists()


def rows(folder):
    return list(read_record(folder))
