"""One name for one thing: no two public classes of `src` share a name, but for those listed with a reason."""

import ast
from collections import defaultdict

from house.files import python_files, shown

SHARED: dict[str, str] = {}
"""Name of several public classes -> why it stays."""


def _homes():
    homes = defaultdict(list)
    for path in python_files("src"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(shown(path))
    return homes


def test_no_two_public_classes_share_a_name():
    shared = {name: paths for name, paths in _homes().items() if len(paths) > 1}
    for name, paths in sorted(shared.items()):
        print(f"{name}: {', '.join(paths)} ({SHARED.get(name, 'no reason given')})")  # noqa: T201
    assert set(shared) == set(SHARED)
