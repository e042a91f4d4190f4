"""Speed of tokens on one core: the cycle tokenizer beside SVT-AV1, TiTok beside the code it was published with.

frames  one study, cut to 96 x 104 about its middle: the tier of tokens (pixels to bytes and back, its mean pictures
        and the coding of its integers among them) and SVT-AV1 preset 3 over time, slice by slice, 10 bits. Both take
        turns; medians of milliseconds per frame, and ratios. Then where the time of the tokens goes.
        Goal: less time than SVT-AV1.
step    a training step of TiTok S-128 in stage 1 (logits of proxy codes, 256 x 256 pixels, fp32): forward, backward,
        AdamW, ours and that of bytedance/1d-tokenizer (a clone is named by --peer; it needs omegaconf and einops).
        Goal: no slower.

    python bench/token_speed.py STUDY [--quality 20] [--crf 40] [--rounds 7] [--peer CLONE] [--batch 2]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vesalius.codec.coders.table import coder
from vesalius.codec.sequences import SequenceReader, encode_sequence
from vesalius.codec.token_stream import read_tokens, write_tokens
from vesalius.codec.tokens import MEAN_BITS, MEAN_CODER, ModelSource, TokensTier, tokens_tier
from vesalius.nets.titok import TiTokNet
from vesalius.nets.vector_quantizer import VectorCodes
from vesalius.scan.open import open_scan
from vesalius.transforms.crop import CenterCrop

ROWS, COLUMNS = 96, 104
BITS = 10
CODES, LATENTS, PROXY, SIDE = 4096, 128, 1024, 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="cine of at least 96 x 104 pixels")
    parser.add_argument("--model", default="tokenize/cine_cycle")
    parser.add_argument("--quality", type=int, default=20, help="of the tokens")
    parser.add_argument("--crf", type=int, default=40, help="of the means")
    parser.add_argument("--video", type=int, default=55, help="crf of SVT-AV1 over time")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer", type=Path, help="clone of bytedance/1d-tokenizer")
    parser.add_argument("--batch", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    frames(given)
    if given.peer is None:
        print("\ntraining step: name a clone of bytedance/1d-tokenizer with --peer")
    else:
        step(given)


def frames(given: argparse.Namespace) -> None:
    """Encode and decode one study both ways, in turns."""
    stored = open_scan(given.study).stored()
    stored = np.ascontiguousarray(CenterCrop(size=(None, COLUMNS, ROWS, None)).apply(stored))
    _, t, i, j, k = stored.shape
    tier = tokens_tier(stored, True, ModelSource("", folder=given.model), given.quality, 1 << 20, given.crf)
    tier = _whole(tier, (k, t, j, i))
    pictures_KTIJ = np.rint(((stored[0] - tier.low) / tier.step).clip(0, 1) * (2**BITS - 1)).astype(np.uint16)
    pictures_KTIJ = np.ascontiguousarray(pictures_KTIJ.transpose(3, 0, 1, 2))
    chunk_CTIJ = np.ascontiguousarray(stored.transpose(0, 1, 4, 2, 3).reshape(1, t * k, i, j))
    video = coder("svtav1")
    coded = tier.encode(chunk_CTIJ)
    sequences = encode_sequence(pictures_KTIJ, BITS, video, given.video)
    calls: dict[str, Callable[[], Any]] = {
        "encode, tokens": lambda: tier.encode(chunk_CTIJ),
        "encode, SVT-AV1": lambda: encode_sequence(pictures_KTIJ, BITS, video, given.video),
        "decode, tokens": lambda: tier.decode(coded, chunk_CTIJ.shape),
        "decode, SVT-AV1": lambda: SequenceReader(sequences).decode(pictures_KTIJ.shape, BITS, video),
    }
    ms = medians({**calls, **_parts(tier, chunk_CTIJ)}, given.rounds, 1000 / (t * k))
    print(f"{k} slices of {t} frames, {ROWS} x {COLUMNS}; median of {given.rounds} rounds, one core")
    print(f"bytes per frame: tokens {len(coded) / (t * k):.1f}, SVT-AV1 {len(sequences) / (t * k):.1f}")
    for what in ("encode", "decode"):
        ours, theirs = ms[f"{what}, tokens"], ms[f"{what}, SVT-AV1"]
        print(f"{what}: tokens {ours:.3f} ms per frame, SVT-AV1 {theirs:.3f}: {ours / theirs:.2f} times its time")
    print("of which " + ", ".join(f"{name} {ms[name]:.3f}" for name in ms if name not in calls))


def _whole(tier: TokensTier, size_KTJI: tuple[int, int, int, int]) -> TokensTier:
    """The tier with all tokens."""
    assert tier.source is not None
    return replace(tier, prefix=tier.source.model.most(size_KTJI))


def _parts(tier: TokensTier, chunk_CTIJ: NDArray[Any]) -> dict[str, Callable[[], Any]]:
    """The parts of the work of the tier, as it does them."""
    assert tier.source is not None
    model, t = tier.source.model, tier.frames
    _, n, i, j = chunk_CTIJ.shape
    size = (n // t, t, j, i)
    scaled = ((chunk_CTIJ[0] - tier.low) / tier.step).clip(0, 1).astype(np.float32)
    x_KTJI = np.ascontiguousarray(scaled.reshape(t, n // t, i, j).transpose(1, 0, 3, 2))
    mean_KIJ = np.rint((2**MEAN_BITS - 1) * x_KTJI.mean(1)).astype(np.uint16).transpose(0, 2, 1)
    still = coder(MEAN_CODER)
    coded = encode_sequence(mean_KIJ[None], MEAN_BITS, still, tier.crf)
    means_KIJ = SequenceReader(coded).decode((1, *mean_KIJ.shape), MEAN_BITS, still)[0]
    mean_KJI = torch.from_numpy(np.ascontiguousarray(means_KIJ.transpose(0, 2, 1), np.float32) / (2**MEAN_BITS - 1))
    x, quality = torch.from_numpy(x_KTJI), tier.quality
    tokens = model.tokenizer.encode(x, mean_KJI, quality)
    array = tokens.numpy().astype(np.int32)
    grid = model.grid(size, array.shape[1])
    data = write_tokens(array, grid, quality, model.prior)

    def net(decode: Callable[[], Tensor]) -> Tensor:
        with torch.inference_mode():
            return decode()

    return {
        "coding the means": lambda: encode_sequence(mean_KIJ[None], MEAN_BITS, still, tier.crf),
        "analysis and rounding": lambda: net(lambda: model.tokenizer.encode(x, mean_KJI, quality)),
        "writing the integers": lambda: write_tokens(array, grid, quality, model.prior),
        "decoding the means": lambda: SequenceReader(coded).decode((1, *mean_KIJ.shape), MEAN_BITS, still),
        "reading the integers": lambda: read_tokens(data, array.shape, grid, quality, model.prior),
        "synthesis and correction": lambda: net(lambda: model.tokenizer.decode(tokens, mean_KJI, size, quality)),
    }


def step(given: argparse.Namespace) -> None:
    """Train one net of each side for a few steps, in turns."""
    sides = {"ours": ours(), "1d-tokenizer": theirs(given.peer)}
    sizes = {name: sum(p.numel() for p in net.parameters() if p.requires_grad) for name, (net, _) in sides.items()}
    x_BCJI = torch.rand(given.batch, 3, SIDE, SIDE)
    proxy_BP = torch.randint(PROXY, (given.batch, (SIDE // 16) ** 2))
    ms = medians({name: trained(*side, x_BCJI, proxy_BP) for name, side in sides.items()}, given.rounds, 1000)
    print(f"\ntraining step, S-128 in stage 1, batch {given.batch}, fp32, one core:")
    print("  " + "; ".join(f"{name} {ms[name]:.0f} ms ({sizes[name] / 1e6:.2f} million weights)" for name in sides))
    print(f"  ours takes {ms['ours'] / ms['1d-tokenizer']:.2f} times the time of 1d-tokenizer")


Forward = Callable[[Tensor], tuple[Tensor, Tensor]]
"""x_BCJI to logits_BNP and the quantizer's loss."""


def ours() -> tuple[nn.Module, Forward]:
    codes = VectorCodes(codes=CODES, dim=12, l2_norm=True)
    config = TiTokNet(
        encoder="small", decoder="small", latents=LATENTS, quantizer=codes, head="codes", order="reshaped"
    )
    net = config.make()

    def forward(x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        coded = net(x_BCJI)
        return coded.logits_BNP, coded.loss

    return net, forward


def theirs(clone: Path) -> tuple[nn.Module, Forward]:
    sys.path.insert(0, str(clone))
    from modeling.titok import TiTok  # type: ignore[import-not-found]

    sizes = {"vit_enc_model_size": "small", "vit_dec_model_size": "small", "num_latent_tokens": LATENTS}
    patches = {"vit_enc_patch_size": 16, "vit_dec_patch_size": 16, "finetune_decoder": False}
    codes = {"codebook_size": CODES, "token_size": 12, "use_l2_norm": True, "commitment_cost": 0.25}
    net = TiTok({"model": {"vq_model": sizes | patches | codes}, "dataset": {"preprocessing": {"crop_size": SIDE}}})

    def forward(x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        logits_BNJI, facts = net(x_BCJI)
        return logits_BNJI.flatten(2), facts["quantizer_loss"]

    return net, forward


def trained(net: nn.Module, forward: Forward, x_BCJI: Tensor, proxy_BP: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)

    def one() -> None:
        logits_BNP, loss = forward(x_BCJI)
        optimizer.zero_grad(set_to_none=True)
        (functional.cross_entropy(logits_BNP, proxy_BP) + loss).backward()
        optimizer.step()

    return one


def medians(calls: dict[str, Callable[[], Any]], rounds: int, factor: float) -> dict[str, float]:
    """Median seconds of each call times `factor`; the calls take turns, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = time.process_time()
            call()
            if number:
                seconds[name].append(time.process_time() - started)
    return {name: factor * statistics.median(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
