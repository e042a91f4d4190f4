"""Residual networks as SimCLR has them: wider, or with selective kernels.

arXiv:1512.03385, arXiv:2002.05709 (SimCLR), arXiv:2006.10029 (SimCLR v2), arXiv:1903.06586 (selective kernels).
Letters: B batch, C channel, J rows, I columns, S the two streams of a selective kernel.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vesalius.nets.encoder import Maps, Pyramid, PyramidNet
from vesalius.nets.net import channels_last

Depth = Literal[18, 34, 50, 101, 152, 200]
Stem = Literal["imagenet", "cifar", "deep"]
Shortcut = Literal["conv", "pool"]
Pooling = Literal["centred", "same"]

BLOCKS: dict[Depth, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Blocks of a group."""
_PLAIN, _EXPANSION = 64, 4
_MIXING_SHARE, _LEAST_MIXING = 1 / 16, 32
"""Width between the two maps that mix the streams of a selective kernel: a share of its channels, but no fewer."""
_TRUNCATED_STD = 0.87962566103423978
"""Standard deviation of a normal distribution of variance 1 that is cut off at -2 and 2."""


class ResNet(PyramidNet):
    """x_BCJI to (whole_BD, places_BLD): the mean of the last map, and the map itself.

    SimCLR scales pictures to [0, 1] and no further. With the defaults, sizes, outputs and tensor names are those of
    torchvision without its `fc`. SimCLR v2 with selective kernels: stem "deep", shortcut "pool", selective_kernel.

    Departures from Google's code: an 18 or 34 layers deep net has no shortcut convolution in block group 1, where
    nothing changes its shape (torchvision); `pooling` is torchvision's unless it says "same".

    Example:
        >>> ResNet(depth=18, factor=0.5).channels
        (32, 64, 128, 256)
    """

    depth: Depth = Field(default=50, description="layers: 18, 34, 50, 101, 152 or 200")
    factor: float = Field(
        default=1, gt=0, multiple_of=1 / 32, description="how many times wider than the plain one; 0.5 for a small one"
    )
    inputs: int = Field(default=3, ge=1, description="channels of the image")
    stem: Stem = Field(
        default="imagenet",
        description="7 x 7 convolution and pooling; cifar: 3 x 3 without either stride, for 32 pixels; "
        "deep: three of 3 x 3, and pooling",
    )
    shortcut: Shortcut = Field(
        default="conv", description="past a block that halves the map: a convolution of stride 2, or pooling before it"
    )
    selective_kernel: bool = Field(
        default=False, description="two streams of 3 x 3 in each block, weighted by the picture (50 layers or more)"
    )
    pooling: Pooling = Field(
        default="centred", description="border of the stem's pooling: all around, or below and right as in TensorFlow"
    )
    momentum: float = Field(
        default=0.1, gt=0, le=1, description="share of a batch in the running statistics of the norms"
    )

    @model_validator(mode="after")
    def _has_kernels_to_select(self) -> Self:
        if self.selective_kernel and self.depth < 50:
            raise ValueError("selective_kernel needs a depth of 50 or more")
        return self

    @property
    def divisor(self) -> int:
        return 8 if self.stem == "cifar" else 32

    @property
    def channels(self) -> tuple[int, int, int, int]:
        width = self.base * (_EXPANSION if self.depth >= 50 else 1)
        return width, 2 * width, 4 * width, 8 * width

    @property
    def base(self) -> int:
        """Channels of the stem."""
        return round(_PLAIN * self.factor)

    def make(self) -> Pyramid:
        return channels_last(_ResNet(self))


class _ResNet(Pyramid):
    def __init__(self, config: ResNet) -> None:
        super().__init__()
        base, block = config.base, _Bottleneck if config.depth >= 50 else _Basic
        self.conv1, self.bn1 = _stem(config), nn.BatchNorm2d(base)
        self.relu, self.maxpool = nn.ReLU(inplace=True), _pooling(config)
        before, layers = base, []
        for number, (blocks, after) in enumerate(zip(BLOCKS[config.depth], config.channels, strict=True)):
            first = block(config, before, base << number, stride=1 if number == 0 else 2)
            layers.append(nn.Sequential(first, *(block(config, after, base << number) for _ in range(1, blocks))))
            before = after
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        _initialize(self, config.momentum)

    def groups(self) -> list[list[nn.Module]]:
        return [[self.conv1, self.bn1], [self.layer1], [self.layer2], [self.layer3], [self.layer4]]

    def maps(self, x_BCJI: Tensor) -> Maps:
        x1 = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x_BCJI)))))
        x2 = self.layer2(x1)
        x3 = self.layer3(x2)
        return x1, x2, x3, self.layer4(x3)


class _Basic(nn.Module):
    """Two convolutions of 3 x 3."""

    def __init__(self, config: ResNet, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(before, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(config.shortcut, before, width, stride)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        y_BCJI = self.relu(self.bn1(self.conv1(x_BCJI)))
        y_BCJI = self.bn2(self.conv2(y_BCJI))
        return self.relu(y_BCJI + self.downsample(x_BCJI))


class _Bottleneck(nn.Module):
    """1 x 1 to few channels, 3 x 3 with the stride, 1 x 1 to many."""

    def __init__(self, config: ResNet, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        after = _EXPANSION * width
        self.conv1, self.bn1 = _conv(before, width, 1), nn.BatchNorm2d(width)
        self.conv2: nn.Module = _conv(width, width, 3, stride)
        self.bn2: nn.Module = nn.BatchNorm2d(width)
        if config.selective_kernel:
            self.conv2, self.bn2 = _SelectiveKernel(width, stride), nn.Identity()
        self.conv3, self.bn3 = _conv(width, after, 1), nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(config.shortcut, before, after, stride)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        y_BCJI = self.relu(self.bn1(self.conv1(x_BCJI)))
        y_BCJI = self.relu(self.bn2(self.conv2(y_BCJI)))
        y_BCJI = self.bn3(self.conv3(y_BCJI))
        return self.relu(y_BCJI + self.downsample(x_BCJI))


class _SelectiveKernel(nn.Module):
    """Two streams of 3 x 3, weighted by the mean over the picture (arXiv:1903.06586, as SimCLR v2 simplifies it)."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        between = max(int(width * _MIXING_SHARE), _LEAST_MIXING)
        self.conv, self.bn = _conv(width, 2 * width, 3, stride), nn.BatchNorm2d(2 * width)
        self.squeeze, self.squeeze_bn = _conv(width, between, 1), nn.BatchNorm2d(between)
        self.mix = _conv(between, 2 * width, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        streams_BSCJI = self.relu(self.bn(self.conv(x_BCJI))).unflatten(1, (2, -1))
        whole_BCJI = streams_BSCJI.sum(1).mean((2, 3), keepdim=True)
        scores_BCJI = self.mix(self.relu(self.squeeze_bn(self.squeeze(whole_BCJI))))
        return (streams_BSCJI * scores_BCJI.unflatten(1, (2, -1)).softmax(1)).sum(1)


def _conv(before: int, after: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, side, stride=stride, padding=side // 2, bias=False)


def _stem(config: ResNet) -> nn.Module:
    inputs, base = config.inputs, config.base
    if config.stem == "imagenet":
        return _conv(inputs, base, 7, 2)
    if config.stem == "cifar":
        return _conv(inputs, base, 3)
    half = base // 2
    return nn.Sequential(
        _conv(inputs, half, 3, 2),
        nn.BatchNorm2d(half),
        nn.ReLU(inplace=True),
        _conv(half, half, 3),
        nn.BatchNorm2d(half),
        nn.ReLU(inplace=True),
        _conv(half, base, 3),
    )


def _pooling(config: ResNet) -> nn.Module:
    if config.stem == "cifar":
        return nn.Identity()
    if config.pooling == "same":  # zeros change no maximum after a ReLU
        return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, stride=2))
    return nn.MaxPool2d(3, stride=2, padding=1)


def _shortcut(kind: Shortcut, before: int, after: int, stride: int) -> nn.Module:
    """What a block adds to its result. Pooling as in SimCLR v2: 2 x 2 also where the stride is 1.

    TensorFlow leaves what lies beyond the border out of a mean; repeating the border gives the same mean.
    """
    if before == after and stride == 1:
        return nn.Identity()
    if kind == "conv":
        return nn.Sequential(_conv(before, after, 1, stride), nn.BatchNorm2d(after))
    pool: nn.Module = nn.AvgPool2d(2, stride=stride)
    if stride == 1:
        pool = nn.Sequential(nn.ReplicationPad2d((0, 1, 0, 1)), pool)
    return nn.Sequential(pool, _conv(before, after, 1), nn.BatchNorm2d(after))


def _initialize(net: nn.Module, momentum: float) -> None:
    """Draw weights as SimCLR does: variance 1 / inputs, cut off at two standard deviations; blocks begin as nothing."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            std = module.weight[0].numel() ** -0.5 / _TRUNCATED_STD
            nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    for module in net.modules():
        if isinstance(module, _Basic | _Bottleneck):
            last = module.bn3 if isinstance(module, _Bottleneck) else module.bn2
            with torch.no_grad():
                last.weight.zero_()
