"""Write a network as an ONNX file; a file that gives other numbers in ONNX Runtime is refused."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vesalius.errors import MissingExtraError, UsageError

OPSET = 20
"""ONNX operators of version 20 (2023): runtimes since ONNX Runtime 1.17 know them."""
WITHIN = 1e-3
"""Largest absolute difference of outputs that count as equal."""
_BATCH = 2
_CHECKED = (1, 3)
"""Batch sizes of the example (exporters take 1 for a constant) and of the comparison."""


@dataclass(frozen=True)
class Parity:
    """Comparison of a file with its network.

    Args:
        largest: largest absolute difference of any output.
        scale: largest absolute output of the network, by which to judge it.
        outputs: name -> shape, "B" first.
    """

    largest: float
    scale: float
    outputs: Mapping[str, tuple[str | int, ...]]


def export_onnx(
    net: nn.Module,
    sample: tuple[int, ...],
    path: Path,
    *,
    opset: int = OPSET,
    within: float = WITHIN,
    notes: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    codes: int | None = None,
) -> Parity:
    """Write a network, in eval mode and on the CPU, as ONNX with a free batch size, and compare both.

    Args:
        net: takes one tensor, gives one or several.
        sample: shape of one sample, (C, J, I) or (C, I, J, K); it is fixed in the file.
        path: file to write.
        opset: version of the operators.
        within: largest absolute difference that is allowed.
        notes: metadata for the file, e.g. the configuration.
        names: of the outputs; None: output, or output_0 and so on.
        codes: the network takes integers below this number; None: it takes floating numbers.

    Raises:
        MissingExtraError: onnx, onnxruntime or onnxscript is not installed.
        UsageError: the network cannot be exported, or the file gives other numbers.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(f"{package} is not installed", extra="onnx")
    net = net.eval()
    draw = torch.Generator().manual_seed(0)
    example = _drawn(_BATCH, sample, codes, draw)
    usual = _names(net, example)
    names = usual if names is None else tuple(names)
    program = _program(net, example, names, opset)
    program.model.metadata_props.update(notes or {})
    program.save(str(path))
    return _compared(net, path, names, within, [_drawn(count, sample, codes, draw) for count in _CHECKED])


def _names(net: nn.Module, example: Tensor) -> tuple[str, ...]:
    try:
        with torch.inference_mode():
            outputs = _listed(net(example))
    except Exception as error:  # networks raise anything
        size = ",".join(str(side) for side in example.shape[2:])
        what = f"the network does not take an image of {size} ({_first_line(error)})"
        raise UsageError(what, where="--size", fix="give a larger one, or that of its training") from error
    return ("output",) if len(outputs) == 1 else tuple(f"output_{number}" for number in range(len(outputs)))


def _program(net: nn.Module, example: Tensor, names: tuple[str, ...], opset: int) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"), torch.no_grad():  # warnings of the exporter about itself
            program = torch.onnx.export(
                net,
                (example,),
                dynamo=True,
                input_names=["x"],
                output_names=list(names),
                dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:  # exporters raise anything
        raise UsageError(f"the network cannot be exported: {_first_line(error)}", fix="try another --opset") from error
    assert program is not None
    return program


def _compared(net: nn.Module, path: Path, names: tuple[str, ...], within: float, inputs: Sequence[Tensor]) -> Parity:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # runtimes raise anything
        raise UsageError(f"ONNX Runtime cannot read the file: {str(error)[:200]}", fix="try another --opset") from error
    largest, scale, shapes = 0.0, 0.0, {}
    for x in inputs:
        with torch.inference_mode():
            wanted = _listed(net(x))
        for name, ours, theirs in zip(names, wanted, session.run(list(names), {"x": x.numpy()}), strict=True):
            if tuple(theirs.shape) != tuple(ours.shape):
                raise UsageError(f"{name} of the file has shape {theirs.shape} instead of {tuple(ours.shape)}")
            difference = (torch.from_numpy(theirs) - ours).abs().max().item()
            largest = max(largest, difference) if difference == difference else float("inf")  # NaN
            scale = max(scale, ours.abs().max().item())
            shapes[name] = ("B", *ours.shape[1:])
    if not largest <= within:
        what = f"the file differs from the network by up to {largest:.3g}, more than {within:g}"
        raise UsageError(what, fix=f"allow it with --within, outputs reach {scale:.3g}")
    return Parity(largest, scale, shapes)


def _drawn(count: int, sample: tuple[int, ...], codes: int | None, draw: torch.Generator) -> Tensor:
    if codes is None:
        return torch.randn(count, *sample, generator=draw)
    return torch.randint(codes, (count, *sample), generator=draw)


def _listed(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
