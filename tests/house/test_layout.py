"""Tests mirror src: src/vesalius/scan/nifti/read.py is tested by tests/scan/nifti/test_read.py."""

import ast

from house.files import ROOT, python_files, shown

SOURCE = ROOT / "src" / "vesalius"

BATTERY = "tests/codec/coders/test_coders.py runs one battery over all coders and what they share"
LAYOUTS = "tests/cohort/builders/test_layouts.py writes every layout small, test_real.py reads real ones"
HEADS = "tests/phantom/head_ct/test_study.py measures whole heads: tissues, bleeds, noise"
EXEMPT = {
    "src/vesalius/__main__.py": "one call; every test that starts `python -m vesalius` runs it",
    "src/vesalius/codec/coders/protocol.py": "a protocol without code; the battery of the coders tests what it says",
    "src/vesalius/codec/coders/pictures.py": BATTERY,
    "src/vesalius/codec/coders/table.py": BATTERY,
    "src/vesalius/codec/coders/video.py": BATTERY,
    "src/vesalius/cohort/builders/acdc.py": LAYOUTS,
    "src/vesalius/cohort/builders/brats.py": LAYOUTS,
    "src/vesalius/cohort/builders/chexpert.py": LAYOUTS,
    "src/vesalius/cohort/builders/images.py": LAYOUTS,
    "src/vesalius/cohort/builders/medmnist.py": LAYOUTS,
    "src/vesalius/cohort/builders/msd.py": LAYOUTS,
    "src/vesalius/cohort/builders/nih.py": LAYOUTS,
    "src/vesalius/cohort/builders/nnunet.py": LAYOUTS,
    "src/vesalius/cohort/builders/rsna_ich.py": LAYOUTS,
    "src/vesalius/cohort/builders/voc.py": LAYOUTS,
    "src/vesalius/nets/table.py": "names only; test_net.py makes every one of them",
    "src/vesalius/phantom/head_ct/anatomy.py": HEADS,
    "src/vesalius/phantom/head_ct/fields.py": HEADS,
    "src/vesalius/phantom/head_ct/head.py": HEADS,
    "src/vesalius/phantom/head_ct/labels.py": HEADS,
    "src/vesalius/phantom/head_ct/options.py": HEADS,
    "src/vesalius/tasks/job.py": "abstract members; tests/tasks/train runs a job whole",
    "src/vesalius/tasks/train/page.py": "test_train.py reads what it writes",
}
"""Modules without a test file of their own, and why. An `__init__.py` that holds no logic needs no entry."""


def _is_empty(path):
    """True where a module holds only its docstring, imports, assignments and a `__getattr__`."""
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return all(isinstance(n, kinds) or (isinstance(n, ast.FunctionDef) and n.name == "__getattr__") for n in body)


def _wants_test(path):
    return not (path.name == "__init__.py" and _is_empty(path))


def _mirror(path):
    inside = path.relative_to(SOURCE)
    name = inside.parent.name if path.name == "__init__.py" else path.stem
    return ROOT / "tests" / inside.parent / f"test_{name}.py"


def test_every_module_has_its_test_file():
    missing = [shown(p) for p in python_files("src") if _wants_test(p) and not _mirror(p).exists()]
    assert [name for name in missing if name not in EXEMPT] == []


def test_no_exemption_is_stale():
    needless = [name for name in EXEMPT if not (ROOT / name).exists() or _mirror(ROOT / name).exists()]
    assert needless == []


def test_no_module_is_a_drawer():
    drawers = {"utils", "util", "helpers", "misc", "common", "tools"}
    assert [shown(path) for path in python_files("src") if path.stem in drawers or path.parent.name in drawers] == []


def test_only_one_place_reads_the_variable_of_the_real_data():
    name = "VESALIUS" + "_DATA"
    readers = [
        shown(path)
        for path in python_files("tests")
        if name in path.read_text(encoding="utf-8") and path.parent != ROOT / "tests"
    ]
    assert readers == [], "use `from real_data import real`, so that CI knows the files to run without the data"
