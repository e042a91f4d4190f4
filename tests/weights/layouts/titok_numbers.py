"""Checkpoints of TiTok and MaskGIT-VQGAN in the public form with numbers that only names and shapes decide.

The published code was given the same ones by the same rule, so that its tokens and pictures can be frozen.
"""

import zlib

import numpy as np
import torch

SIZES = {"micro": (128, 4), "small": (512, 8), "base": (768, 12), "large": (1024, 24)}
NORMS = ("ln_1.weight", "ln_2.weight", "ln_pre.weight", "ln_post.weight")


def numbers(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Normal numbers: scales of norms about 1, matrices and kernels of variance 1 / inputs, biases of 0.1."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)  # a frozen stream of NumPy
    if name.endswith(NORMS) or ("norm" in name and name.endswith("weight")):
        values = 1 + 0.1 * values
    elif name.endswith("bias"):
        values = 0.1 * values
    elif len(shape) > 1 and name.endswith("weight") and "embedding" not in name:
        values = values / np.prod(shape[1:]) ** 0.5
    return torch.from_numpy(values.astype(np.float32))


def picture(side: int, channels: int = 3) -> torch.Tensor:
    """A picture from 0 to 1."""
    rows, columns = np.mgrid[:side, :side] / side
    waves = [
        np.sin(7 * rows * (c + 1) + 3 * columns) * np.cos(11 * columns - 5 * rows * columns * (c + 2))
        for c in range(channels)
    ]
    noise = np.random.RandomState(1).uniform(size=(channels, side, side))
    return torch.from_numpy((0.4 + 0.2 * np.stack(waves) + 0.2 * noise).astype(np.float32))[None]


def vqgan_shapes(*, width=128, multiples=(1, 1, 2, 2, 4), dim=256, codes=1024) -> dict[str, tuple[int, ...]]:
    """Names and shapes of MaskGIT-VQGAN."""
    widths = [width * multiple for multiple in multiples]
    deepest = widths[-1]
    shapes = {"encoder.conv_in.weight": (width, 3, 3, 3), "quantize.embedding.weight": (codes, dim)}
    for level, (narrow, wide) in enumerate(zip([width, *widths[:-1]], widths, strict=True)):
        shapes |= _blocks(f"encoder.down.{level}.block", narrow, wide)
    shapes |= _blocks("encoder.mid", deepest, deepest) | _norm("encoder.norm_out", deepest)
    shapes |= {"encoder.conv_out.weight": (dim, deepest, 1, 1), "encoder.conv_out.bias": (dim,)}
    return shapes | {f"decoder.{name}": shape for name, shape in pixel_decoder_shapes(width, multiples, dim).items()}


def pixel_decoder_shapes(width: int, multiples: tuple[int, ...], dim: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of its decoder."""
    widths = [width * multiple for multiple in multiples]
    deepest = widths[-1]
    shapes = {"conv_in.weight": (deepest, dim, 3, 3), "conv_in.bias": (deepest,)} | _blocks("mid", deepest, deepest)
    for level, (before, wide) in enumerate(zip([*widths[1:], deepest], widths, strict=True)):
        shapes |= _blocks(f"up.{level}.block", before, wide)
        if level:
            shapes |= {
                f"up.{level}.upsample_conv.weight": (wide, wide, 3, 3),
                f"up.{level}.upsample_conv.bias": (wide,),
            }
    shapes |= _norm("norm_out", widths[0])
    return shapes | {"conv_out.weight": (3, widths[0], 3, 3), "conv_out.bias": (3,)}


def titok_shapes(
    encoder: str,
    decoder: str,
    latents: int,
    *,
    grid: int = 16,
    codes: int = 0,
    dim: int = 16,
    vqgan: dict | None = None,
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a TiTok with patches of 16 pixels; without codes a VAE, with a VQGAN one of two stages."""
    (wide, blocks), (width, rest) = SIZES[encoder], SIZES[decoder]
    shapes = {"latent_tokens": (latents, wide), **_tower("encoder", wide, blocks, latents, grid)}
    shapes |= {"encoder.patch_embed.weight": (wide, 3, 16, 16), "encoder.patch_embed.bias": (wide,)}
    emits = dim if codes else 2 * dim
    shapes |= {"encoder.conv_out.weight": (emits, wide, 1, 1), "encoder.conv_out.bias": (emits,)}
    shapes |= _tower("decoder", width, rest, latents, grid) | {"decoder.mask_token": (1, 1, width)}
    shapes |= {"decoder.decoder_embed.weight": (width, dim), "decoder.decoder_embed.bias": (width,)}
    if codes:
        shapes["quantize.embedding.weight"] = (codes, dim)
    if vqgan is None:
        shapes |= {"decoder.ffn.0.weight": (768, width, 1, 1), "decoder.ffn.0.bias": (768,)}
        return shapes | {"decoder.conv_out.weight": (3, 3, 3, 3), "decoder.conv_out.bias": (3,)}
    count = vqgan["codes"]
    shapes |= {"decoder.ffn.0.weight": (2 * width, width, 1, 1), "decoder.ffn.0.bias": (2 * width,)}
    shapes |= {"decoder.ffn.2.weight": (count, 2 * width, 1, 1), "decoder.ffn.2.bias": (count,)}
    shapes["pixel_quantize.embedding.weight"] = (count, vqgan["dim"])
    pixels = pixel_decoder_shapes(vqgan["width"], vqgan["multiples"], vqgan["dim"])
    return shapes | {f"pixel_decoder.{name}": shape for name, shape in pixels.items()}


def checkpoint(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {name: numbers(name, shape) for name, shape in shapes.items()}


def digest(x: torch.Tensor, count: int = 6) -> list[float]:
    """Some numbers of a tensor, evenly apart, and at last the mean of all magnitudes."""
    flat = x.detach().float().flatten()
    some = flat[torch.linspace(0, len(flat) - 1, count).long()]
    return [round(float(value), 5) for value in (*some, flat.abs().mean())]


def _tower(part: str, width: int, blocks: int, latents: int, grid: int) -> dict[str, tuple[int, ...]]:
    shapes = {"class_embedding": (1, width), "positional_embedding": (grid**2 + 1, width)}
    shapes |= {
        "latent_token_positional_embedding": (latents, width),
        **_norm("ln_pre", width),
        **_norm("ln_post", width),
    }
    for number in range(blocks):
        inside = {**_norm("ln_1", width), **_norm("ln_2", width)}
        inside |= {"attn.in_proj_weight": (3 * width, width), "attn.in_proj_bias": (3 * width,)}
        inside |= {"attn.out_proj.weight": (width, width), "attn.out_proj.bias": (width,)}
        inside |= {"mlp.c_fc.weight": (4 * width, width), "mlp.c_fc.bias": (4 * width,)}
        inside |= {"mlp.c_proj.weight": (width, 4 * width), "mlp.c_proj.bias": (width,)}
        shapes |= {f"transformer.{number}.{name}": shape for name, shape in inside.items()}
    return {f"{part}.{name}": shape for name, shape in shapes.items()}


def _blocks(name: str, narrow: int, wide: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, before in enumerate((narrow, wide)):
        own = {**_norm("norm1", before), "conv1.weight": (wide, before, 3, 3), **_norm("norm2", wide)}
        own["conv2.weight"] = (wide, wide, 3, 3)
        if before != wide:
            own["nin_shortcut.weight"] = (wide, wide, 1, 1)
        shapes |= {f"{name}.{number}.{key}": shape for key, shape in own.items()}
    return shapes


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
