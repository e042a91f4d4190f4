"""What a program needs to use an exported segmenter: a JSON file beside the ONNX file, also stored in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vesalius
from vesalius.files import regular
from vesalius.transforms.contract import PREPROCESSOR, read_contract
from vesalius.weights.card import NOTICE

if TYPE_CHECKING:
    from vesalius.nets.net import Net
    from vesalius.weights.saved import Pretrained

_SETTINGS = ("labels", "patch")


def facts_path(output: Path) -> Path:
    """Return the path of the JSON file that belongs to an exported file.

    Example:
        >>> facts_path(Path("net.onnx")).name, facts_path(Path("net.json")).name
        ('net.json', 'net.json.json')
    """
    return output.with_suffix(".json") if output.suffix == ".onnx" else output.with_name(f"{output.name}.json")


def segmenter_facts(model: Pretrained, net: Net, sample: tuple[int, ...], opset: int) -> dict[str, Any] | None:
    """Describe input, preparation and output of a segmentation model, JSON-able.

    None for models of other tasks, for a part of a model, and where the folder does not hold what prediction needs.

    Args:
        model: the model, with the parts that are exported.
        net: sizes of its network.
        sample: shape of one input, (C, I, J) or (C, I, J, K), which is fixed in the file.
        opset: version of the operators.

    Raises:
        InputError: the input contract of the model is damaged.
    """
    settings = model.config.settings
    is_whole = model.config.task == "segment" and len(model.parts) == len(model.config.parts)
    is_usable = all(name in settings for name in _SETTINGS) and regular(model.folder / PREPROCESSOR).is_file()
    if not (is_whole and is_usable):
        return None
    contract = read_contract(model.folder)
    axes = "IJK"[: len(sample) - 1]
    return {
        "task": "segment",
        "format": "onnx",
        "opset": opset,
        "input": {
            "name": "x",
            "type": "float32",
            "layout": f"BC{axes}",
            "shape": ["B", *sample],
            "images": list(contract.images),
            "axes": "B: batch, free. C: channels of the images in this order. I, J, K: voxel axes of the prepared scan"
            + _third(settings, axes),
            "missing": "a missing image is NaN" if contract.optional else None,
        },
        "frames": _frames(net, sample),
        "preparation": contract.prepare.model_dump(mode="json"),
        "output": {
            "name": "output",
            "layout": f"BN{axes}",
            "shape": ["B", net.outputs, *sample[1:]],
            **_meaning(settings),
        },
        "labels": {name: values[0] for name, values in settings["labels"].items()},
        "patch": list(settings["patch"]),
        "windows": settings.get("infer", {}),
        "weights_sha256": model.digest,
        "vesalius": vesalius.__version__,
        "notice": NOTICE,
    }


def _third(settings: Mapping[str, Any], axes: str) -> str:
    if settings.get("third") == "time":
        return "; K counts the frames of a slice, and each slice is an input of its own."
    return "; each slice along K is an input of its own." if len(axes) == 2 else "."


def _meaning(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the channels of the output are."""
    if settings.get("of_regions"):
        return {"values": "logits; a sigmoid gives probabilities", "regions": settings["regions"]}
    return {
        "values": "logits; a softmax over N gives probabilities",
        "classes": ["background", *settings["labels"]],
    }


def frames_note(frames: int) -> str:
    """Say what is fixed in the file of a net that chooses among frames."""
    return (
        f"the net chooses keyframes among exactly {frames} frames along K; export again with --size for another number"
    )


def _frames(net: Net, sample: tuple[int, ...]) -> dict[str, Any] | None:
    return {"axis": "K", "count": sample[-1], "note": frames_note(sample[-1])} if net.frames_last else None
