"""What each module of `src` imports from the package, imports inside functions included."""

import ast
from pathlib import Path

from house.files import ROOT, python_files

SOURCE = ROOT / "src"


def module_name(path: Path) -> str:
    """The dotted name of a module."""
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> dict[str, set[str]]:
    """Module -> modules of the package that it imports; what only type checkers see is left out."""
    modules = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in python_files("src")}
    return {name: _imported(tree, set(modules)) - {name} for name, tree in modules.items()}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import each other in a circle, each group sorted (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for target in graph[name]:
            if target not in number:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], number[target])
        if lowest[name] == number[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in graph:
        if name not in number:
            visit(name)
    return sorted(groups)


def _imported(tree: ast.Module, modules: set[str]) -> set[str]:
    targets: set[str] = set()
    for node in _without_type_checking(tree):
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names if alias.name in modules}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            targets |= (names & modules) or ({node.module} & modules)
    return targets


def _without_type_checking(node: ast.AST) -> list[ast.AST]:
    nodes = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        nodes += _without_type_checking(child)
    return nodes
