"""Convert a public checkpoint into a model folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vesalius.arguments import PathLike, checked
from vesalius.config import from_overrides
from vesalius.errors import InputError, MissingExtraError, UsageError
from vesalius.files import regular
from vesalius.nets.table import NETS
from vesalius.output import new_folder, refuse_existing
from vesalius.weights.card import Card, DataSource
from vesalius.weights.report import MatchReport

if TYPE_CHECKING:
    from vesalius.nets.net import Net
    from vesalius.transforms.prepare import Prepare
    from vesalius.weights.checkpoint import Checkpoint
    from vesalius.weights.layouts.table import Images

TASK = "encode"
"""Job of an imported model: vectors of images, for other jobs to build on."""
MATCH = "match.json"
SOURCE = "source.json"
"""File beside a fetched checkpoint with its origin."""
_UNKNOWN = "unknown"
_XRAY_SIDE, _COLOUR_SIDE = 448, 224
"""Pixels, as REMEDIS (arXiv:2205.09723) used them for chest X-rays and for pathology."""


@dataclass(frozen=True)
class ImportedWeights:
    """A converted checkpoint: the model folder, its network with sizes, the SHA-256 of each file by name.

    `contract`: whether the preparation of the images is known and was written; `report`: `MatchReport.as_dict`.
    """

    path: str
    layout: str
    net: dict[str, Any]
    files: dict[str, str]
    licence: str
    contract: bool
    report: dict[str, Any]


@checked
def import_weights(
    checkpoint: PathLike,
    layout: str,
    output: PathLike,
    net: Sequence[str] = (),
    *,
    allow: Sequence[str] = (),
    licence: str | None = None,
    force: bool = False,
) -> ImportedWeights:
    """Read a checkpoint, load every tensor of it into our network, and save that as a model folder.

    Args:
        checkpoint: a file, or a folder: of the hub's form, a SavedModel, or one by `fetch`, which knows its licence.
        layout: form of the checkpoint, e.g. "meddinov3".
        output: folder to write.
        net: sizes of the network that differ from the layout's, as "width=96".
        allow: patterns of tensors that may be missing, unexpected or of another shape.
        licence: of the weights, for the card.
        force: replace an existing folder.

    Raises:
        InputError: the checkpoint cannot be read, or does not fit.
        ConfigError: no such layout, or a wrong size.
        MissingExtraError: torch is not installed.
        OutputError: the folder exists or cannot be written.
    """
    checkpoint = Path(checkpoint)
    output = Path(output)
    refuse_existing(output, force=force)
    if find_spec("torch") is None:
        raise MissingExtraError("torch is not installed", extra="nets")
    from vesalius.nets.net import build
    from vesalius.transforms.contract import InputContract, write_contract
    from vesalius.weights.checkpoint import read_checkpoint
    from vesalius.weights.keymap import match
    from vesalius.weights.layouts.table import LAYOUTS
    from vesalius.weights.saved import ENCODER, NET, ModelConfig, save_pretrained

    family = LAYOUTS.get(layout)
    config = _net(layout, family.net, net)
    read = read_checkpoint(checkpoint)
    module = build(config)
    try:
        report = match(read.tensors, module, family.keymap, allow)
    except InputError as error:
        raise InputError(error.what, where=checkpoint, fix=error.fix) from error
    known = _source(checkpoint)
    licence = licence or known.get("licence") or _UNKNOWN
    files = {path.name: digest for path, digest in read.files}
    allowed = [list(pair) for pair in report.allowed]
    settings = {"layout": layout, "source": {**known, "sha256": files}, "allowed": allowed}
    words = [*net, *(f"--allow {shlex.quote(pattern)}" for pattern in allow)]
    part = ENCODER if config.outputs is None else NET
    prepare = _prepare(family.images) if config.inputs == 3 else None
    with new_folder(output, force=force) as folder:
        save_pretrained(folder, {part: module}, ModelConfig.of(TASK, {part: config}, settings))
        if prepare is not None:
            write_contract(InputContract(prepare=prepare), folder)
        (folder / MATCH).write_text(json.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8")
        _card(output.name, layout, licence, known, read, words).write(folder)
    sizes = config.model_dump(mode="json")
    return ImportedWeights(str(output), layout, sizes, files, licence, prepare is not None, report.as_dict())


def lines(result: ImportedWeights) -> Iterator[str]:
    """Format the result for people."""
    for name, digest in result.files.items():
        yield f"{name}  SHA-256 {digest}"
    yield from MatchReport.from_dict(result.report).lines()
    if not result.contract:
        yield "note: the preparation of the images is not known; no preprocessor.json was written"
    if result.licence == _UNKNOWN:
        yield "note: the licence is not known; name it with --licence"
    yield result.path


def _prepare(images: Images | None) -> Prepare | None:
    """Return the preparation of the images that a family was trained on, where it is known."""
    from vesalius.transforms.prepare import colour_pictures, ct_slices, xrays

    if images is None:
        return None
    if images == "ct-wide":
        return ct_slices("wide")
    return xrays(_XRAY_SIDE) if images == "xray" else colour_pictures(_COLOUR_SIDE)


def _net(layout: str, usual: Any, words: Sequence[str]) -> Net:
    """Return the network of a layout with the sizes among the words; `name=` takes another network."""
    names = [word.removeprefix("name=") for word in words if word.startswith("name=")]
    sizes = {key: value for key, value in usual.items() if key != "name"}
    name = names[-1] if names else usual.get("name")
    if name is None:
        fix = f"add name=NET and its sizes; networks: {', '.join(NETS.names())}"
        raise UsageError("does not know the network", where=f"layout {layout}", fix=fix)
    net: Net = from_overrides(NETS.get(name), [word for word in words if not word.startswith("name=")], sizes)
    return net


def _source(checkpoint: Path) -> dict[str, str]:
    """Read the origin that `fetch` wrote beside the files; empty for files from elsewhere."""
    path = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / SOURCE
    try:
        source = json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    keys = ("name", "repository", "revision", "licence")
    return {key: str(source[key]) for key in keys if key in source} if isinstance(source, dict) else {}


def _card(name: str, layout: str, licence: str, known: dict[str, str], read: Checkpoint, words: Sequence[str]) -> Card:
    files = ", ".join(path.name for path, _ in read.files)
    digests = ", ".join(digest for _, digest in read.files)
    origin = f"{known['repository']} at {known['revision']}" if "repository" in known else files
    sizes = "".join(f" {word}" for word in words)
    return Card(
        name=name,
        summary=f"{known.get('name', files)} as a model folder, converted with layout {layout}.",
        task=TASK,
        licence=licence,
        data=(DataSource(name=origin, licence=licence, note=f"SHA-256 {digests}"),),
        training=f"By others. Converted with layout {layout}; {MATCH} lists every tensor.",
        command=f"vesalius weights import {files} --layout {layout} -o {name}{sizes}",
        limits=("Nothing was measured here. The limits that its authors state hold.",),
        base=known.get("repository", ""),
        pipeline="image-feature-extraction",
    )
