"""Write a model in a format of other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vesalius.arguments import PathLike, checked
from vesalius.errors import MissingExtraError, UsageError
from vesalius.files import regular
from vesalius.output import new_file, refuse_existing
from vesalius.tasks.weights.segmenter_facts import facts_path, segmenter_facts
from vesalius.weights.card import NOTICE

if TYPE_CHECKING:
    from torch import nn

    from vesalius.nets.halves import Half
    from vesalius.nets.net import Net
    from vesalius.weights.saved import Pretrained

FORMATS = ("onnx",)


@dataclass(frozen=True)
class ExportedModel:
    """An exported file, and the largest difference of its outputs from those of the model, which `within` allows.

    Shapes begin with "B"; `largest_output` is the scale by which to judge the difference. `facts` is the JSON file
    beside the file of a segmenter, None for other models; `note` says what else is fixed in the file.
    """

    path: str
    format: str
    opset: int
    input: list[int | str]
    outputs: dict[str, list[int | str]]
    largest_difference: float
    largest_output: float
    within: float
    bytes: int
    facts: str | None = None
    note: str = ""


@checked
def export_model(
    model: str | Path,
    output: PathLike,
    *,
    part: str | None = None,
    format: str = "onnx",
    size: tuple[int, ...] | None = None,
    opset: int | None = None,
    within: float | None = None,
    force: bool = False,
) -> ExportedModel:
    """Export a model, and compare the outputs of the file with those of the model.

    Beside the file of a segmenter lies a JSON file: layout of the input, preparation, classes and patch
    (`segmenter_facts`). Outputs of ResNets and BiTs are named: `embedding`, `block_group1` to `block_group4` and, where
    the model has a head, `logits`.

    Args:
        model: a model folder, a run folder, or a name of the zoo.
        output: file to write.
        part: the part to export, e.g. "encoder"; None: the whole model. Of a tokenizer also "encoder", from a picture
            to its tokens, and "decoder", from tokens to the picture (`vesalius.nets.halves`).
        format: "onnx".
        size: of the image, (J, I) or (I, J, K); None: that of the model's input contract, or the patch of a segmenter.
        opset: version of ONNX; None: 20.
        within: largest absolute difference of outputs; None: 0.001.
        force: replace an existing file.

    Raises:
        UsageError: unknown format, no size, a model whose parts take different inputs, or the file gives other numbers.
        InputError: no such model or part.
        MissingExtraError: torch or onnx is not installed.
        OutputError: the file exists or cannot be written.
    """
    output = Path(output)
    if format not in FORMATS:
        raise UsageError(f"{format!r} is not supported", where="--format", fix=f"choose one of: {', '.join(FORMATS)}")
    refuse_existing(output, force=force)
    if find_spec("torch") is None:
        raise MissingExtraError("torch is not installed", extra="nets")
    from vesalius.nets.endpoints import Endpoints
    from vesalius.weights.onnx import OPSET, WITHIN, export_onnx
    from vesalius.weights.saved import from_pretrained

    names: tuple[str, ...] | None
    opset, within = opset or OPSET, WITHIN if within is None else within
    facts = None
    half = _half(model, part, size)
    if half is not None:
        loaded, (net, sample, codes, names) = half
    else:
        loaded = from_pretrained(model, only=part)
        config, net = _whole(loaded)
        codes, names = None, net.names if isinstance(net, Endpoints) else None
        sample = _sample(config, size if size is not None else _usual_size(loaded))
        facts = segmenter_facts(loaded, config, sample, opset)
    beside = None if facts is None else facts_path(output)
    notes = {"config": loaded.config.model_dump_json(), "notice": NOTICE, "weights_sha256": loaded.digest}
    contract = loaded.folder / "preprocessor.json"
    if regular(contract).is_file():
        notes["preprocessor"] = regular(contract).read_text(encoding="utf-8")
    if beside is not None:
        refuse_existing(beside, force=force)
        notes["segmenter"] = json.dumps(facts)
    with new_file(output, force=force) as file:
        parity = export_onnx(net, sample, file, opset=opset, within=within, notes=notes, names=names, codes=codes)
        count = file.stat().st_size
    outputs = {name: list(shape) for name, shape in parity.outputs.items()}
    shape: list[int | str] = ["B", *sample]
    if beside is not None:
        with new_file(beside, force=force) as file:
            file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return ExportedModel(
        str(output),
        format,
        opset,
        shape,
        outputs,
        parity.largest,
        parity.scale,
        within,
        count,
        None if beside is None else str(beside),
        facts["frames"]["note"] if facts and facts["frames"] else "",
    )


def lines(result: ExportedModel) -> Iterator[str]:
    """Format the result for people."""
    outputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in result.outputs.items())
    yield f"x {_shape(result.input)} to {outputs}; opset {result.opset}, {result.bytes / 1e6:.1f} MB"
    yield (
        f"ONNX Runtime differs by at most {result.largest_difference:.2g} "
        f"(outputs reach {result.largest_output:.2g}, allowed {result.within:g})"
    )
    if result.note:
        yield f"note: {result.note}"
    yield result.path
    if result.facts is not None:
        yield result.facts


def _half(model: str | Path, part: str | None, size: tuple[int, ...] | None) -> tuple[Pretrained, Half] | None:
    """Return the model and the half of its tokenizer that is called for, unless a part of the folder has that name."""
    from vesalius.nets.cycle import CycleNet
    from vesalius.nets.halves import HALVES, half_of
    from vesalius.nets.titok import TiTokNet
    from vesalius.nets.titok_tokenizer import TiTokTokens
    from vesalius.weights.place import locate
    from vesalius.weights.saved import from_pretrained, read_config

    if part not in HALVES:
        return None
    parts = read_config(locate(model)).parts
    if (
        part in parts
        or len(parts) != 1
        or not isinstance(next(iter(parts.values())).net, CycleNet | TiTokNet | TiTokTokens)
    ):
        return None
    loaded = from_pretrained(model)
    return loaded, half_of(loaded.net, part, size)


def _whole(model: Pretrained) -> tuple[Net, nn.Module]:
    """Return the network of a model and its sizes.

    An encoder with a head is a classifier, with a decoder of its maps a segmenter. A pyramid becomes its `Endpoints`.
    """
    from vesalius.nets.classifier import Classifier
    from vesalius.nets.encoder import EncoderNet, Pyramid
    from vesalius.nets.endpoints import Endpoints
    from vesalius.nets.head import Head
    from vesalius.nets.segmenters import joined_segmenter

    parts = list(model.parts.values())
    encoder = parts[0]
    if len(parts) == 1:
        return encoder.config, Endpoints(encoder.net).eval() if isinstance(encoder.net, Pyramid) else encoder.net
    head = parts[1]
    if len(parts) == 2 and isinstance(encoder.config, EncoderNet) and isinstance(head.config, Head):
        if isinstance(encoder.net, Pyramid):
            return encoder.config, Endpoints(encoder.net, head.net).eval()
        whole = Classifier.of(encoder.config, head.config)
        return whole, whole.joined(encoder.net, head.net).eval()
    joined = joined_segmenter(encoder.config, head.config, encoder.net, head.net) if len(parts) == 2 else None
    if joined is not None:
        return joined
    fix = f"name one with --part: {', '.join(model.parts)}"
    raise UsageError("its parts take different inputs", where=model.folder, fix=fix)


def _sample(net: Net, size: tuple[int, ...]) -> tuple[int, ...]:
    dims, inputs, divisor = net.dims, net.inputs, net.divisor
    if dims is None or inputs is None:
        raise UsageError("the input of the network is not one image, so it cannot be exported")
    if len(size) != dims or min(size) < 1 or any(side % one for side, one in zip(size, net.divisors, strict=True)):
        last = ", and of a fixed number of frames as the last" if net.frames_last else ""
        axes = f"{dims - net.frames_last} axes that are multiples of {divisor}{last}"
        what = f"{','.join(map(str, size))} does not fit a network of {axes}"
        raise UsageError(what, where="--size", fix=f"give {dims} such numbers")
    return (inputs, *size)


def _usual_size(model: Pretrained) -> tuple[int, ...]:
    """Return the patch of a segmenter, else the size at the end of the model's preparation of images."""
    from vesalius.transforms.contract import PREPROCESSOR, read_contract

    folder, patch = model.folder, model.config.settings.get("patch")
    if model.config.task == "segment" and patch is not None:
        return tuple(patch[:2] if patch[2] == 1 else patch)
    steps = read_contract(folder).prepare.steps if regular(folder / PREPROCESSOR).is_file() else ()
    sizes = [size for size in (getattr(step, "size", None) for step in steps) if isinstance(size, tuple)]
    if not sizes or any(side is None for side in sizes[-1]):
        raise UsageError("the model does not state the size of its images", where=folder, fix="give --size")
    return tuple(sizes[-1])


def _shape(shape: list[Any]) -> str:
    return "x".join(map(str, shape))
