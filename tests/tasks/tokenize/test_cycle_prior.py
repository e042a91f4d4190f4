import torch

from tasks.tokenize.small import make_cines, table
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.training.loop import Loop

NET = {"name": "cycle", "components": 24, "harmonics": 3, "width": 16, "depth": 1, "prior_width": 16}


def test_the_prior_learns_and_nothing_else_moves(tmp_path):
    train = {"epochs": 4, "optimizer": {"name": "adamw", "lr": 0.01}, "validate_every": 4, "log_every": 1}
    method = {"name": "cycle-prior", "net": NET, "views": {"size": [24, 16]}, "first": 12, "quality": 24, "floor": 0.5}
    example = {"span": "study", "size": [32, 32], "about_labels": 0.5}
    keys = {"augment": [], "batch": 1, "example": example, "method": method, "train": train}
    settings = TokenizeConfig.parse(table(make_cines(tmp_path), **keys))
    task = TokenizeJob(settings).task()
    loop = Loop(task, settings.train, None, cpu=True)
    tokenizer = task.modules["tokenizer"]
    batch = next(task.batches(0, 0, 0, 1))
    before = {name: value.clone() for name, value in tokenizer.state_dict().items()}

    def cost():
        torch.manual_seed(5)
        return task.training_step(batch, 0)[1]["bits_per_token_not_zero"].item()

    first = cost()
    loop.run()
    assert cost() < first - 0.1
    moved = {
        name.split(".")[0] for name, value in tokenizer.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"prior"}
