"""Cycle tokens as a method: components, and a run that is better than its first step."""

import numpy as np
import pytest
import torch

from tasks.tokenize.small import make_cines, table
from vesalius.errors import UsageError
from vesalius.nets.cycle_rounding import plain
from vesalius.nets.harmonics import harmonic_rows
from vesalius.nets.lapped import cells_of
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.cycle import bases_of, rough_tokens
from vesalius.tasks.tokenize.cycle_views import ViewConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.training.loop import Loop

STILL = {"degrees": 0, "zoom": [1, 1], "shift": 0, "flip": 0, "gain": [1, 1], "noise": 0, "begin": 0}
NET = {"name": "cycle", "components": 24, "harmonics": 3, "width": 16, "depth": 1, "prior_width": 16}
METHOD = {"name": "cycle", "net": NET, "views": {"size": [24, 16]}, "first": 12, "quality": 24, "copies": 1}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_cines(tmp_path_factory.mktemp("cines"))


def config(manifest, **changes):
    keys = {"example": {"size": [32, 32], "about_labels": 0.5}, "augment": [], "batch": 3, "method": METHOD}
    return TokenizeConfig.parse(table(manifest, **keys, **changes))


def test_it_gets_better_than_the_linear_codec(manifest):
    train = {"epochs": 16, "optimizer": {"name": "adamw", "lr": 0.01}, "validate_every": 16, "log_every": 30}
    settings = config(manifest, train=train)
    loop = Loop(TokenizeJob(settings).task(), settings.train, None, cpu=True)
    before = loop.measures()
    basis = loop.task.modules["tokenizer"].basis_3.clone()
    loop.run()
    after = loop.measures()
    assert after["psnr"] > before["psnr"] + 0.05  # equal tokens, so nothing but the correction differs
    assert after["bits_per_frame"] == before["bits_per_frame"]
    assert after["gain_over_zeroed"] > 1
    assert torch.equal(loop.task.modules["tokenizer"].basis_3, basis)


def test_components_are_principal_axes_of_cells(manifest):
    settings = config(manifest)
    settings = settings.model_copy(
        update={"method": settings.method.model_copy(update={"views": ViewConfig(size=(32, 32), **STILL)})}
    )
    task = TokenizeJob(settings).task()
    tokenizer = task.build()["tokenizer"]
    seen = []
    while sum(map(len, seen)) < 12:
        seen += [torch.cat([b["x"] for b in task.batches(0, 0, 0, 1)])]
    basis = tokenizer.basis_3
    assert torch.allclose(basis.T @ basis, torch.eye(24), atol=1e-5)
    rows_HT = harmonic_rows(8, 3)
    cells = [cells_of(torch.einsum("ht,btji->bhji", rows_HT, x[:, 0]))[:, 64:] for x in seen]
    cells_NZ = torch.cat([c.transpose(0, 1).flatten(1).T for c in cells]).double().numpy()
    energy = np.square(cells_NZ).sum()
    kept = np.square(cells_NZ @ basis[64:].double().numpy()).sum() / energy
    best = np.linalg.eigvalsh(cells_NZ.T @ cells_NZ)[::-1][:24].sum() / energy
    assert best - 0.1 < kept <= best + 1e-6  # the mean's cells take some of the components


def test_bases_of_fewer_harmonics_are_those_of_the_first_channels():
    draw = np.random.default_rng(0)
    cells_NZ = draw.normal(size=(900, 192)) * np.exp(-np.arange(192) / 30)
    bases = bases_of(torch.from_numpy(cells_NZ.T @ cells_NZ), 1)
    for number, size in ((0, 64), (1, 192)):
        wanted = np.linalg.svd(cells_NZ[:, :size], full_matrices=False)[2]
        assert np.allclose(np.abs(bases[number].numpy().T @ wanted.T), np.eye(size), atol=1e-3)


def test_rough_tokens_drop_lonely_ones_and_keep_those_in_company():
    exact = torch.zeros(1, 20, 5, 5)
    exact[0, 10, 2, 2] = -0.9
    assert not rough_tokens(exact).any()
    busy = torch.full((1, 20, 5, 5), -0.9)
    assert rough_tokens(busy)[0, 10, 2, 2] == -1
    wide = torch.linspace(-6, 6, 400).reshape(1, 16, 5, 5)
    assert (rough_tokens(wide).numpy() - plain(wide.numpy(), 0.5)).__abs__().max() <= 1


def test_stacks_and_short_cycles_are_refused(manifest):
    settings = config(manifest).model_dump(mode="json")
    stack = TokenizeConfig.parse({**settings, "example": {"span": "study", "size": [32, 32]}, "batch": 1})
    with pytest.raises(UsageError, match="learns from single ones"):
        TokenizeJob(stack).task().build()
    method = {**METHOD, "net": {**NET, "harmonics": 4}}
    with pytest.raises(UsageError, match="a cycle of 8 frames has fewer than 4 harmonics"):
        TokenizeJob(TokenizeConfig.parse({**settings, "method": method})).task().build()
