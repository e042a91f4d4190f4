"""Measures of a tokenizer on held-out examples: fidelity, what its tokens carry, and how its codes are used.

Letters: B examples, K slices, T frames, J rows, I columns, N tokens of an example.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vesalius.tasks.tokenize.examples import MEAN
from vesalius.tasks.tokenize.method import Decoded, Examples

LEAST_GAIN_DB = 0.1
"""Tokens that gain less than this over zeroed ones, or over those of another example, carry nothing."""
PANELS = {
    "PSNR in dB": ("psnr", "psnr_mean"),
    "Gain of the tokens in dB": ("gain_over_zeroed", "gain_over_others", "gain_over_mean"),
    "Share of the codes that are used": ("usage",),
    "Perplexity of the codes": ("perplexity",),
    "Entropy in bits": ("bits_per_frame",),
}
"""Title of a chart -> measures."""
MEANING = {
    "psnr": "PSNR of the decoded examples in dB",
    "psnr_mean": "PSNR of the decoded mean alone in dB",
    "gain_over_mean": "gain of the tokens over the decoded mean in dB",
    "gain_over_zeroed": "gain of the tokens over zeroed tokens in dB",
    "gain_over_others": "gain of the tokens over those of another example in dB",
    "usage": "share of the codes that are used",
    "perplexity": "perplexity of the codes",
    "dead": "codes that no example uses",
    "bits_per_frame": "entropy of the tokens in bits per frame",
}
Row = Mapping[str, Any]


def rows_of(decoded: Decoded, batch: Examples) -> list[Row]:
    """Return the numbers of each example of a batch."""
    x_BKTJI = batch["x"]
    columns: dict[str, Any] = {"psnr": psnr(decoded.x_BKTJI, x_BKTJI), "zeroed": psnr(decoded.zeroed_BKTJI, x_BKTJI)}
    if MEAN in batch:
        columns["mean"] = psnr(batch[MEAN][:, :, None].expand_as(x_BKTJI), x_BKTJI)
    if decoded.others_BKTJI is not None:
        columns["others"] = psnr(decoded.others_BKTJI, x_BKTJI)
    rows = [{name: float(values[n]) for name, values in columns.items()} for n in range(len(x_BKTJI))]
    frames = x_BKTJI.shape[1] * x_BKTJI.shape[2]
    codes_BN = None if decoded.codes_BN is None else decoded.codes_BN.cpu().numpy().astype(np.int64)
    shared = {"frames": frames, "codes": decoded.codes}
    return [row | shared | ({} if codes_BN is None else {"tokens": codes_BN[n]}) for n, row in enumerate(rows)]


def summary(rows: Iterable[Row]) -> dict[str, float]:
    """Return the means over examples, and the use of the codes by all of them together."""
    rows = list(rows)
    if not rows:
        return {}
    means = {name: _mean(row[name] for row in rows if name in row) for name in ("psnr", "zeroed", "mean", "others")}
    measures = {"psnr": means["psnr"], "gain_over_zeroed": means["psnr"] - means["zeroed"]}
    if math.isfinite(means["mean"]):
        measures |= {"psnr_mean": means["mean"], "gain_over_mean": means["psnr"] - means["mean"]}
    if math.isfinite(means["others"]):
        other = [row["psnr"] - row["others"] for row in rows if "others" in row]
        measures["gain_over_others"] = _mean(other)
    tokens = [row["tokens"] for row in rows if "tokens" in row]
    if tokens:
        frames = sum(row["frames"] for row in rows)
        measures |= usage(np.concatenate(tokens), rows[0]["codes"])
        measures["bits_per_frame"] = measures.pop("entropy") * sum(map(len, tokens)) / frames
    return measures


def usage(tokens_N: NDArray[np.int64], codes: int | None) -> dict[str, float]:
    """Return how tokens use their codes: entropy in bits, perplexity; share used and dead codes of a codebook.

    >>> usage(np.array([0, 0, 3, 3]), 4)
    {'entropy': 1.0, 'perplexity': 2.0, 'usage': 0.5, 'dead': 2.0}
    """
    counts = np.unique(tokens_N, return_counts=True)[1]
    shares = counts / counts.sum()
    entropy = float(-(shares * np.log2(shares)).sum())
    measures = {"entropy": abs(entropy), "perplexity": float(2**entropy)}
    if codes is not None:
        measures |= {"usage": len(counts) / codes, "dead": float(codes - len(counts))}
    return measures


def psnr(x_BKTJI: Tensor, truth_BKTJI: Tensor) -> NDArray[np.float64]:
    """Return the PSNR of each example in dB, values from 0 to 1; 100 where they are equal."""
    error_B = (x_BKTJI.float().clamp(0, 1) - truth_BKTJI.float()).square().flatten(1).double().mean(1)
    decibels: NDArray[np.float64] = (-10 * torch.log10(error_B.clamp(min=1e-10))).cpu().numpy()
    return decibels


def alarm(measures: Mapping[str, float]) -> str | None:
    """Return a caveat where the tokens carry nothing, else None."""
    gains = [measures[name] for name in ("gain_over_zeroed", "gain_over_others") if name in measures]
    if not gains or min(gains) >= LEAST_GAIN_DB:
        return None
    return (
        f"the tokens carry almost nothing: they gain {min(gains):.2f} dB over zeroed tokens or those of another "
        "example; train longer, anchor them to cells, or begin without the quantizer"
    )


def _mean(values: Iterable[float]) -> float:
    several = list(values)
    return sum(several) / len(several) if several else math.nan
