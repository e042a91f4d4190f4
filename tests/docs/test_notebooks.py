"""The notebooks run, and the outputs that are stored in them are those of their cells.

Texts must be equal, but for the numbers of cells tagged "trained": the last digits of a net depend on the processor and
the version of PyTorch, and training magnifies them. Pictures are only counted, for the same reason.
"""

import re
from importlib.util import find_spec

import pytest

NUMBER = re.compile(r"\d+(?:\.\d+)?")
NEAR, NEAR_RANK = 0.25, 15.0
"""Largest difference of trained decimals: of measures from 0 to 1, and of ranks, which are above 1."""
MOST_BYTES = 400_000


def _texts(cell):
    return "".join(output.text for output in cell.get("outputs", ()) if output.output_type == "stream")


def _pictures(cell):
    return [kind for output in cell.get("outputs", ()) for kind in output.get("data", {}) if kind.startswith("image/")]


def _check_same_but_for_rounding(stored, fresh):
    """Raise AssertionError unless the words are equal, decimals near, and whole numbers at most one apart.

    A count of what a trained net finds may differ by one between processors, since they round differently.
    """
    for line, other in zip(stored.splitlines(), fresh.splitlines(), strict=True):
        assert NUMBER.sub("#", line).split() == NUMBER.sub("#", other).split()
        for one, two in zip(NUMBER.findall(line), NUMBER.findall(other), strict=True):
            near = NEAR if float(one) <= 1 else NEAR_RANK
            assert abs(float(one) - float(two)) <= (near if "." in one else 1)


def test_numbers_may_differ_a_little_and_words_may_not():
    _check_same_but_for_rounding("AUROC 0.91 of 12", "AUROC 0.95 of 12")
    for other in ("AUROC 0.11 of 12", "AUPRC 0.91 of 12", "AUROC 0.91 of 14", "AUROC 0.91", "AUROC 0.91 of 12\nmore"):
        with pytest.raises((AssertionError, ValueError)):
            _check_same_but_for_rounding("AUROC 0.91 of 12", other)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("compress", "detect", "generate", "volumes")]


@pytest.mark.parametrize("name", [*SLOW, "finetune"])
def test_the_stored_outputs_are_those_of_the_cells(repository, tmp_path, monkeypatch, name):
    if name != "compress" and (find_spec("torch") is None or find_spec("lancedb") is None):
        pytest.skip("needs vesalius[nets,search]")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.syspath_prepend(repository / "docs")
    from make_notebook import executed

    path = repository / "docs" / "notebooks" / f"{name}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    stored, fresh = nbformat.read(path, as_version=4), executed(path, tmp_path)
    assert [cell.source for cell in stored.cells] == [cell.source for cell in fresh.cells]
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        assert old.get("execution_count") == new.get("execution_count")
        assert _pictures(old) == _pictures(new)
        if "trained" in old.metadata.get("tags", ()):
            _check_same_but_for_rounding(_texts(old), _texts(new))
        else:
            assert _texts(old) == _texts(new)
