"""Methods are chosen by name, and their defaults do nothing."""

import torch

from tasks.tokenize.small import TOY, Toy
from vesalius.tasks.tokenize.method import TokenMethod, tokenizer_of


def test_read_by_name():
    method = TokenMethod.read({"name": TOY, "weight": 2.0})
    assert isinstance(method, Toy)
    assert method.weight == 2.0


def test_defaults_train_all_modules_at_once():
    method = Toy()
    modules = {"tokenizer": method.shipped().make(), "critic": torch.nn.Linear(1, 1)}
    assert method.optimizers(modules)["net"].modules == ("tokenizer", "critic")
    assert tokenizer_of(modules) is modules["tokenizer"]
    assert (method.takes_mean, method.helpers(), method.frozen()) == (False, {}, {})
    assert method.after_step(modules, lambda: iter(()), 0, 0) == {}
    modules["critic"].eval()
    method.train_mode(modules)
    assert modules["critic"].training
