"""Every file that is read goes through `vesalius.files.regular` first, so that no FIFO or device is ever opened."""

import ast

from house.files import python_files, shown

_METHODS = {"read_text", "read_bytes"}
_FUNCTIONS = {
    "np.load",
    "np.memmap",
    "gzip.open",
    "zipfile.ZipFile",
    "zipfile.is_zipfile",
    "TiffFile",
    "Image.open",
    "dcmread",
    "safe_open",
    "load_file",
    "torch.load",
    "InferenceSession",
    "shutil.copyfile",
    "shutil.copy",
    "nib.load",
    "h5py.File",
    "openslide.OpenSlide",
}
_NO_PATHS = {"stream", "file", "archive", "cls", "bz2", "self.held", "FeatureStore", "Collection"}
"""Names that stand for what is open already, for modules and classes, and for a file that the process made itself."""


def unguarded(tree: ast.AST) -> list[int]:
    """Lines that open a path for reading as it is."""
    return [call.lineno for call in ast.walk(tree) if isinstance(call, ast.Call) and opened(call) is not None]


def opened(call: ast.Call) -> ast.expr | None:
    """The path that a call opens for reading without `regular`."""
    name = ast.unparse(call.func)
    path: ast.expr | None = None
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        path = call.func.value
    elif name in _FUNCTIONS and call.args and not writes(call.args[1:]):
        path = call.args[0]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "open" and name not in _FUNCTIONS | {"os.open"}:
        has_mode = bool(call.args) or any(word.arg == "encoding" for word in call.keywords)
        path = call.func.value if has_mode and not writes(call.args) else None
    if path is None or guarded(path):
        return None
    return None if ast.unparse(path) in _NO_PATHS or ast.unparse(path).startswith("io.BytesIO") else path


def writes(modes: list[ast.expr]) -> bool:
    """True where a mode says that the file is written."""
    words = [str(one.value) for one in modes if isinstance(one, ast.Constant)]
    return any(word[:1] in "wax" or "+" in word for word in words if word and len(word) <= 3)


def guarded(path: ast.expr) -> bool:
    """True for `regular(...)`, also within `str(...)`."""
    if isinstance(path, ast.Call) and ast.unparse(path.func) == "str":
        path = path.args[0]
    return isinstance(path, ast.Call) and ast.unparse(path.func) == "regular"


def test_what_is_read_is_looked_at_first():
    found = [
        f"{shown(path)}:{line}"
        for path in python_files("src")
        for line in unguarded(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"opened without regular(): {found}"


def test_the_check_sees_what_it_must():
    code = "path.read_text()\n(a / b).open('rb')\nregular(path).read_bytes()\npath.open('wb')\nnp.load(path)\n"
    assert unguarded(ast.parse(code + "found.open()\n")) == [1, 2, 5]
