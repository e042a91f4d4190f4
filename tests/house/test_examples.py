"""The examples in docstrings of `src` run and print what they say."""

import doctest
import importlib

import pytest

from house.files import python_files
from house.imports import module_name

MODULES = [
    module_name(path)
    for path in python_files("src")
    if any(line.lstrip().startswith(">>>") for line in path.read_text(encoding="utf-8").splitlines())
]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("vesalius"):
            raise
        pytest.skip(f"needs {error.name}")
    results = doctest.testmod(module, optionflags=OPTIONS, raise_on_error=False)
    assert results.attempted > 0
    assert results.failed == 0
