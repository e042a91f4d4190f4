"""Speed of Next-DiT beside LuminaNextDiT2DModel of diffusers at the same sizes, in one run and in turns.

train   forward, mean squared error, backward, AdamW, in fp32 or with bf16 autocast
sample  one evaluation without gradients

Pictures per second of processor time; times of a shared machine vary, so only ratios within a run count: each round
gives one ratio, and their median and range are printed. Goal: 1 or more in bf16.

    python bench/generate.py [--rounds 5] [--width 192] [--depth 6] [--patch 4] [--side 64] [--batch 8] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from diffusers import LuminaNextDiT2DModel
from diffusers.models.embeddings import get_2d_rotary_pos_embed_lumina
from torch import Tensor, nn

from vesalius.nets.next_dit import NextDiT

CHANNELS, TEXT_WIDTH, TOKENS, MULTIPLE = 3, 128, 12, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("rounds", 5), ("width", 192), ("depth", 6), ("heads", 6), ("kv-heads", 3), ("patch", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, value in (("side", 64), ("batch", 8), ("steps", 2), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    nets = {"ours": ours(given), "diffusers": theirs(given)}
    sizes = ", ".join(f"{name} {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M" for name, net in nets.items())
    print(f"{sizes}; {given.side} x {given.side} pixels, patch {given.patch}, batch {given.batch}; {instructions()}")
    x = torch.randn(given.batch, CHANNELS, given.side, given.side)
    t, text = torch.rand(given.batch), torch.randn(given.batch, TOKENS, TEXT_WIDTH)
    kept = torch.ones(given.batch, TOKENS).bool()
    turns = get_2d_rotary_pos_embed_lumina(given.width // given.heads, 384, 384)
    calls: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: nets["ours"](x, t, text, kept),
        "diffusers": lambda: nets["diffusers"](
            x, t, text, kept.int(), turns, cross_attention_kwargs={}, return_dict=False
        )[0],
    }
    for numbers in ("bf16", "fp32"):
        for work in ("train", "sample"):
            rates: dict[str, list[float]] = {name: [] for name in nets}
            runs = {name: step(nets[name], calls[name], x, work, numbers) for name in nets}
            for run in runs.values():
                run()
            for _ in range(given.rounds):
                for name, run in runs.items():
                    rates[name].append(given.batch * given.steps / seconds(run, given.steps))
            ratios = [mine / other for mine, other in zip(*rates.values(), strict=True)]
            each = ", ".join(f"{name} {statistics.median(values):.1f}" for name, values in rates.items())
            ends = f"{min(ratios):.2f} to {max(ratios):.2f} in {given.rounds} rounds"
            print(f"{numbers} {work}: ratio {statistics.median(ratios):.2f} ({ends}); pictures per CPU second: {each}")


def ours(given: argparse.Namespace) -> nn.Module:
    return NextDiT(
        inputs=CHANNELS,
        width=given.width,
        depth=given.depth,
        heads=given.heads,
        kv_heads=given.kv_heads,
        patch=given.patch,
        text_width=TEXT_WIDTH,
        ffn_multiple=MULTIPLE,
    ).make()


def theirs(given: argparse.Namespace) -> nn.Module:
    net: nn.Module = LuminaNextDiT2DModel(
        sample_size=given.side // given.patch,
        patch_size=given.patch,
        in_channels=CHANNELS,
        hidden_size=given.width,
        num_layers=given.depth,
        num_attention_heads=given.heads,
        num_kv_heads=given.kv_heads,
        multiple_of=MULTIPLE,
        cross_attention_dim=TEXT_WIDTH,
        learn_sigma=False,
    )
    return net


def step(net: nn.Module, call: Callable[[], Tensor], wanted: Tensor, work: str, numbers: str) -> Callable[[], None]:
    """A training step or an evaluation of a net."""
    optimizer = torch.optim.AdamW(net.parameters(), 1e-4)

    def cast() -> AbstractContextManager[object]:
        return torch.autocast("cpu", torch.bfloat16) if numbers == "bf16" else nullcontext()

    def train() -> None:
        net.train()
        with cast():
            out = call()
        loss = (out.float() - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def sample() -> None:
        net.eval()
        with cast():
            call()

    return train if work == "train" else sample


def seconds(run: Callable[[], None], steps: int) -> float:
    """Processor time of some steps."""
    started = time.process_time()
    for _ in range(steps):
        run()
    return time.process_time() - started


def instructions() -> str:
    """What the processor has for bf16."""
    flags = Path("/proc/cpuinfo")
    words = flags.read_text(encoding="utf-8").split() if flags.is_file() else []
    has = [name for name in ("amx_bf16", "avx512_bf16", "avx512f") if name in words]
    return "the processor has " + (", ".join(has) or "no instructions for bf16 that are known")


if __name__ == "__main__":
    main()
