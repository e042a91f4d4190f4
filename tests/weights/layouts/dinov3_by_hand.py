"""DINOv3 written out from its description: names and forward pass of Meta's own files, for tests only."""

import math

import torch
from torch.nn.functional import conv2d, gelu, layer_norm, softmax


def raw_state(width, depth, qkv_bias, seed=0):
    """Names and shapes of a bare encoder of Meta, random numbers."""
    draw = torch.Generator().manual_seed(seed)

    def some(*shape, scale=0.05):
        return scale * torch.randn(*shape, generator=draw)

    state = {
        "cls_token": some(1, 1, width),
        "storage_tokens": some(1, 4, width),
        "mask_token": some(1, width),
        "patch_embed.proj.weight": some(width, 3, 16, 16),
        "patch_embed.proj.bias": some(width),
        "rope_embed.periods": (100 ** (torch.arange(16) / 16)).bfloat16(),
    }
    for n in range(depth):
        block = {
            "norm1.weight": 1 + some(width),
            "norm1.bias": some(width),
            "attn.qkv.weight": some(3 * width, width),
            "attn.proj.weight": some(width, width),
            "attn.proj.bias": some(width),
            "ls1.gamma": 1 + some(width),
            "norm2.weight": 1 + some(width),
            "norm2.bias": some(width),
            "mlp.fc1.weight": some(4 * width, width),
            "mlp.fc1.bias": some(4 * width),
            "mlp.fc2.weight": some(width, 4 * width),
            "mlp.fc2.bias": some(width),
            "ls2.gamma": 1 + some(width),
        }
        if qkv_bias:
            block["attn.qkv.bias"] = some(3 * width, scale=0.5)
            block["attn.qkv.bias_mask"] = torch.cat([torch.ones(width), torch.zeros(width), torch.ones(width)])
        state |= {f"blocks.{n}.{name}": tensor for name, tensor in block.items()}
    return state | {"norm.weight": 1 + some(width), "norm.bias": some(width)}


def forward(raw, x_BCJI, heads, eps, rope=torch.float32):
    """(class_BD, patches_BLD) of a raw state; `rope` is the dtype in which queries and keys are turned."""
    width = raw["norm.weight"].numel()
    depth = sum(name.endswith("ls1.gamma") for name in raw)
    patches = conv2d(x_BCJI, raw["patch_embed.proj.weight"], raw["patch_embed.proj.bias"], stride=16)
    grid = patches.shape[2:]
    prefix = [raw["cls_token"].expand(len(x_BCJI), -1, -1), raw["storage_tokens"].expand(len(x_BCJI), -1, -1)]
    x = torch.cat([*prefix, patches.flatten(2).transpose(1, 2)], 1)
    sin, cos = _angles(grid, width // heads, rope)

    def norm(tokens, name):
        return layer_norm(tokens, (width,), raw[f"{name}.weight"], raw[f"{name}.bias"], eps)

    for n in range(depth):
        part = {
            name.removeprefix(f"blocks.{n}."): value for name, value in raw.items() if name.startswith(f"blocks.{n}.")
        }
        y = norm(x, f"blocks.{n}.norm1") @ part["attn.qkv.weight"].T
        if "attn.qkv.bias" in part:
            y = y + part["attn.qkv.bias"] * part["attn.qkv.bias_mask"]
        q, k, v = y.reshape(*y.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
        q, k = _turned(q, sin, cos), _turned(k, sin, cos)
        weights = softmax(q @ k.transpose(-1, -2) / math.sqrt(width // heads), -1)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        x = x + part["ls1.gamma"] * (mixed @ part["attn.proj.weight"].T + part["attn.proj.bias"])
        y = gelu(norm(x, f"blocks.{n}.norm2") @ part["mlp.fc1.weight"].T + part["mlp.fc1.bias"])
        x = x + part["ls2.gamma"] * (y @ part["mlp.fc2.weight"].T + part["mlp.fc2.bias"])
    x = norm(x, "norm")
    return x[:, 0], x[:, 5:]


def _angles(grid, head_width, dtype):
    """One angle per quarter of the head, down then across, twice over; positions run from -1 to 1."""
    periods = 100 ** (2 * torch.arange(head_width // 4, dtype=dtype) / (head_width // 2))
    down = 2 * (torch.arange(0.5, grid[0], dtype=dtype) / grid[0]) - 1
    across = 2 * (torch.arange(0.5, grid[1], dtype=dtype) / grid[1]) - 1
    rows = []
    for d in down:
        for a in across:
            both = torch.cat([2 * math.pi * d / periods, 2 * math.pi * a / periods])
            rows.append(torch.cat([both, both]))
    angles = torch.stack(rows)
    return angles.sin(), angles.cos()


def _turned(x, sin, cos):
    """Rotate the pairs (n, n + half) of every patch; class and storage tokens stay."""
    kept, patches = x[..., :5, :], x[..., 5:, :].to(sin.dtype)
    first, second = patches.chunk(2, -1)
    half = sin.shape[-1] // 2
    turned = torch.cat(
        [
            first * cos[:, :half] - second * sin[:, :half],
            second * cos[:, half:] + first * sin[:, half:],
        ],
        -1,
    )
    return torch.cat([kept, turned.to(x.dtype)], -2)
