import numpy as np
import pytest
import torch

from codec.token_tables import cell_tokens
from vesalius.codec.token_stream import TokenPrior, read_tokens, write_tokens
from vesalius.nets.cycle_prior import CellTokens, CyclePrior, fit_prior, known_around

GRID = (5, 6)


def clustered(seed: int, groups: int = 4, components: int = 24, spread: float = 2.0) -> np.ndarray:
    """Tokens whose size varies from place to place and falls with the component, as those of a beating heart do."""
    draw = np.random.default_rng(seed)
    rows, columns = GRID
    j, i = np.mgrid[:rows, :columns]
    size = 0.05 + 3 * np.exp(-((j - draw.uniform(1, rows - 1)) ** 2 + (i - draw.uniform(1, columns - 1)) ** 2) / 2)
    scale = spread * size.ravel()[None, :, None] / (1 + np.arange(components)) ** 0.7
    tokens = np.round(draw.laplace(size=(groups, rows * columns, components)) * scale)
    tokens[:, 1:, 0] = np.round(0.8 * np.abs(tokens[:, :-1, 0])) + tokens[:, 1:, 0]  # left neighbours share a sign
    return tokens.astype(np.int32)


def slow_known(planes, related):
    """What is known around each token, from the words of docs/vsl-format.md, one token after the other."""
    components, slices, rows, columns = planes.shape

    def log(n):
        n = min(int(n), 65535) + 1
        e = n.bit_length() - 1
        return 16 * e + (16 * (n - 2**e)) // 2**e

    def size(m, g, r, c):
        inside = 0 <= g < slices and 0 <= r < rows and 0 <= c < columns and m >= 0
        return min(abs(int(planes[m, g, r, c])), 255) if inside else 0

    def window(m, span, g, r, c):
        return sum(size(n, g, r, c) for n in range(max(0, m - span), m))

    sides, corners = [(-1, 0), (1, 0), (0, -1), (0, 1)], [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    out = []
    for m in range(components):
        mean = [0, 0, 0]
        for n, span in enumerate((1, 4, 16)):
            whole = sum(
                size(k, g, r, c) for k in range(max(0, m - span), m) for g, r, c in np.ndindex(*planes.shape[1:])
            )
            mean[n] = 64 * whole // (span * planes[0].size)
        running = 0
        for done, (g, r, c) in enumerate(np.ndindex(*planes.shape[1:])):
            near = related[m]
            x = [log(window(m, span, g, r, c)) for span in (4, 16, 64)]
            x += [log(sum(window(m, span, g, r + j, c + i) for j, i in sides)) for span in (4, 16, 64)]
            x += [log(sum(window(m, 16, g, r + j, c + i) for j, i in corners))]
            x += [log(window(m, 16, g - 1, r, c)), log(window(m, 16, g + 1, r, c))]
            x += [log(sum(window(m, 16, g + k, r + j, c + i) for j, i in sides for k in (-1, 1)))]
            x += [log(window(m, 64, g - 1, r, c) + window(m, 64, g + 1, r, c))]
            x += [log(size(near[n], g, r, c)) for n in range(3)]
            x += [log(sum(size(near[0], g, r + j, c + i) for j, i in sides))]
            x += [log(size(near[0], g - 1, r, c) + size(near[0], g + 1, r, c))]
            x += [log(sum(size(near[1], g, r + j, c + i) for j, i in sides))]
            x += [log(part) for part in mean]
            x += [log(size(m, g, r, c - 1)), log(size(m, g, r - 1, c))]
            x += [log(size(m, g, r - 1, c - 1) + size(m, g, r - 1, c + 1))]
            x += [log(size(m, g, r, c - 2) + size(m, g, r - 2, c)), log(size(m, g - 1, r, c))]
            x += [log(sum(size(m, g - 1, r + j, c + i) for j, i in sides))]
            x += [log(sum(size(m, g - 1, r + j, c + i) for j, i in corners))]
            x += [log((64 * running + 16 * mean[1]) // (done + 16))]
            x += [64 * (c == 0), 64 * (r == 0), 64 * (g == 0), 64 * (g == slices - 1)]
            running += size(m, g, r, c)
            out.append(x)
    return np.array(out)


@pytest.mark.parametrize("shape", [(3, 12, 20), (1, 12, 3), (2, 1, 1)])
def test_what_is_known_around_a_token(shape):
    grid = (3, 4) if shape[1] == 12 else (1, 1)
    study = CellTokens(cell_tokens(shape, 400), grid, 0)
    prior = CyclePrior(shape[2], [0])
    known_FN, signs_NS = known_around(study.planes(), prior.related_MR.numpy())
    np.testing.assert_array_equal(known_FN.T, slow_known(study.planes(), prior.related_MR.tolist()))
    assert signs_NS.shape == (known_FN.shape[1], 5)


@pytest.mark.parametrize("spread", [0.3, 2.0, 40.0])
def test_bits_are_those_of_the_file(spread):
    prior = CyclePrior(24, [3, 5])
    torch.manual_seed(1)
    with torch.no_grad():
        for part in prior.parameters():
            part += 0.1 * torch.randn(part.shape)
        prior.rates.zero_()
    study = CellTokens(clustered(1, spread=spread), GRID, 5)
    tables = TokenPrior.of(prior.tables())
    coded = write_tokens(study.tokens_GLM, GRID, 5, tables)
    np.testing.assert_array_equal(read_tokens(coded, study.tokens_GLM.shape, GRID, 5, tables), study.tokens_GLM)
    head = 3 + 1
    least = 0.96 if spread == 40 else 0.99  # the lengths of escapes are learnt on the way, whatever the rates
    assert prior.bits(study) / 8 * least - 1 < len(coded) - head < prior.bits(study) / 8 * 1.01 + 2


def test_training_helps_on_other_studies():
    studies = [CellTokens(clustered(seed), GRID, 0) for seed in range(6)]
    start = CyclePrior(24, [0], hidden=16)
    fitted = fit_prior(studies, components=24, qualities=[0], hidden=16, steps=60, batch=1024, seed=3)
    other = CellTokens(clustered(77), GRID, 0)
    assert fitted.bits(other) < 0.97 * start.bits(other)
    again = fit_prior(studies, components=24, qualities=[0], hidden=16, steps=60, batch=1024, seed=3)
    for name, table in fitted.tables().items():
        np.testing.assert_array_equal(again.tables()[name], table)
    coded = len(write_tokens(other.tokens_GLM, GRID, 0, TokenPrior.of(fitted.tables())))
    assert abs(coded - fitted.bits(other) / 8 - 4) < 0.02 * coded  # learning on the way changes little here


def test_rows_that_are_drawn_count_as_all():
    prior = CyclePrior(24, [0])
    study = CellTokens(clustered(3, groups=20, spread=0.5), GRID, 0)
    drawn = prior.rows(study, floor=0.05, names=(1, "draw"))
    assert len(drawn) < 0.8 * len(prior.rows(study))
    with torch.no_grad():
        estimate = float((prior(drawn) * drawn.weight_N).sum())
    assert abs(estimate / prior.bits(study) - 1) < 0.05


def test_related_components_go_together():
    draw = np.random.default_rng(0)
    tokens = draw.integers(-3, 4, (2, 30, 6)).astype(np.int32)
    tokens[:, :, 4] = -tokens[:, :, 1]  # of the same size, place by place
    tokens[:, :, 5] = np.where(draw.random((2, 30)) < 0.9, tokens[:, :, 3], 0)
    prior = CyclePrior(6, [0])
    prior.relate([CellTokens(tokens, GRID, 0)])
    assert prior.related_MR[:, 0].tolist()[4:] == [1, 3]
    assert prior.related_MR[0].tolist() == [-1, -1, -1]
    assert (prior.related_MR < torch.arange(6)[:, None]).all()
