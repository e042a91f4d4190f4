"""A trained tokenizer in use: from a scan over time to integer tokens, and from any prefix of them back to its values.

Letters: C channel, T time, I J K voxel axes, J rows and I columns of a slice; G groups of tokens (studies, slices or
frames), L places, M components of a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from vesalius.arguments import checked
from vesalius.codec.still import STILL, decoded_mean
from vesalius.errors import InputError, UsageError
from vesalius.nets.tokenizer import Size, Tokenizer
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.tokenize.method import TOKENIZER
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.transforms.normalize import Percentiles
from vesalius.transforms.window import percentile_range
from vesalius.weights.saved import from_pretrained

_AXES = 3


@dataclass(frozen=True, eq=False)
class TokenOrigin:
    """What a decoder needs besides the tokens.

    Args:
        size_KTJI: slices, frames, rows and columns of the scan.
        low: value that 0 stands for.
        high: value that 1 stands for.
        quality: setting of the tokenizer's knob.
        mean_KJI: the mean of each slice over time, coded and decoded again; None where the tokenizer takes none.
    """

    size_KTJI: Size
    low: float
    high: float
    quality: int
    mean_KJI: NDArray[np.float32] | None = None


class ScanTokens(np.ndarray[Any, np.dtype[np.int32]]):
    """Integers of a scan, an array that remembers its `origin`; slices of it do, too.

    The shape is (G, L), or (G, L, M) where a place has several components.
    """

    origin: TokenOrigin | None

    def __new__(cls, tokens: NDArray[np.int32], origin: TokenOrigin) -> Self:
        made = np.asarray(tokens).view(cls)
        made.origin = origin
        return made

    def __array_finalize__(self, source: Any) -> None:
        self.origin = getattr(source, "origin", None)


class TiTok:
    """A model of the task "tokenize".

    Args:
        tokenizer: its network.
        contract: the input that it takes.
        device: where the network runs.

    In use: `tokenizer = TiTok.from_pretrained("run")`, `tokens = tokenizer.encode("patient_4d.nii.gz")`, and
    `tokenizer.decode_tokens(tokens[:, :16])` for values (C, T, I, J, K) from 16 tokens of each group.
    """

    @checked
    def __init__(self, tokenizer: Tokenizer, contract: InputContract, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.contract = contract
        self.tokenizer = tokenizer.to(self.device).eval()
        steps = contract.prepare.values
        if contract.prepare.layout != "CTIJK" or len(steps) != 1 or not isinstance(steps[0], Percentiles):
            raise InputError("its preparation cannot be undone", where="preprocessor.json", fix="train it with another")
        self._ends = steps[0].low, steps[0].high

    @classmethod
    @checked
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> TiTok:
        """Load a model folder, a run folder or a model of the zoo.

        Raises:
            InputError: no such model, one for another job, or a stage of training that is no tokenizer.
            CorruptFileError: it is damaged.
        """
        model = from_pretrained(name, "tokenize")
        net = model.parts[TOKENIZER].net if TOKENIZER in model.parts else None
        if not isinstance(net, Tokenizer):
            fix = "name a run of tokenize/titok_cpu or of a later stage"
            raise InputError("is a stage of training, no tokenizer of scans", where=model.folder, fix=fix)
        return cls(net, read_contract(model.folder), device)

    @property
    def qualities(self) -> tuple[int, ...]:
        """Settings of the quality knob, from best to worst; a single one where there is none."""
        return self.tokenizer.qualities

    @checked
    @torch.no_grad()
    def encode(
        self, source: Scan | NDArray[Any] | str | Path, quality: int | None = None, *, still: int = STILL
    ) -> ScanTokens:
        """Return the tokens of a scan of one channel; any number of frames, slices, rows and columns.

        Args:
            source: a scan, the path of one, or an array (C, T, I, J, K) or (I, J, K).
            quality: one of `qualities`; None: the middle one.
            still: constant rate factor (1 to 63) by which the mean frame is coded, where the tokenizer takes it.

        Raises:
            InputError: the scan cannot be read, or is of another modality or kind.
            UsageError: NaN, or no such quality.
        """
        scan, where = _opened(source)
        _check(scan, where)
        quality = self._quality(quality)
        if not 1 <= still <= 63:
            raise UsageError(f"{still} was given", where="still", fix="give 1 (best) to 63")
        values_TIJK = scan.values()[0]
        if not np.isfinite(values_TIJK).all():
            raise UsageError("the scan holds NaN or infinite values", where=where, fix="replace them in the file")
        low, high = percentile_range(values_TIJK, *self._ends)
        scaled = ((values_TIJK.astype(np.float32) - low) / (high - low)).clip(0, 1)
        x_KTJI = np.ascontiguousarray(scaled.transpose(3, 0, 2, 1), np.float32)
        mean_KJI = decoded_mean(x_KTJI.mean(1), still) if self.tokenizer.takes_mean else None
        tokens = self.tokenizer.encode(self._tensor(x_KTJI), self._tensor(mean_KJI), quality)
        slices, frames, rows, columns = x_KTJI.shape
        origin = TokenOrigin((slices, frames, rows, columns), low, high, quality, mean_KJI)
        array = tokens.cpu().numpy().astype(np.int32)
        return ScanTokens(array[..., 0] if array.shape[2] == 1 else array, origin)

    @torch.no_grad()
    def decode_tokens(self, tokens: NDArray[Any], origin: TokenOrigin | None = None) -> NDArray[np.float32]:
        """Return values_CTIJK in the units of the scan, from all tokens or the first of them.

        A prefix is `tokens[:, :n]` of shape (G, L), and `tokens[..., :n]` of shape (G, L, M).

        Args:
            tokens: of `encode`, or any integers of that shape.
            origin: what `encode` left on its tokens; None: that of the tokens.

        Raises:
            UsageError: they have no origin, or are not tokens of this model.
        """
        origin = origin or getattr(tokens, "origin", None)
        if origin is None:
            raise UsageError("the tokens have lost the size and range of their scan", fix="give tokens.origin besides")
        array = np.asarray(tokens)
        if array.dtype.kind not in "iu":
            raise UsageError(f"tokens are whole numbers, {array.dtype} was given")
        tokens_GLM = array[..., None] if array.ndim == 2 else array
        self._check_shape(tokens_GLM, origin)
        mean_KJI = self._tensor(origin.mean_KJI)
        tensor = torch.from_numpy(np.ascontiguousarray(tokens_GLM, np.int32)).to(self.device)
        x_KTJI = self.tokenizer.decode(tensor, mean_KJI, origin.size_KTJI, origin.quality).float().cpu().numpy()
        values_CTIJK = x_KTJI.transpose(1, 3, 2, 0)[None] * (origin.high - origin.low) + origin.low
        return np.ascontiguousarray(values_CTIJK, np.float32)

    def _quality(self, quality: int | None) -> int:
        if quality is None:
            return self.qualities[len(self.qualities) // 2]
        if quality not in self.qualities:
            known = ", ".join(map(str, self.qualities))
            raise UsageError(f"{quality} was given", where="quality", fix=f"choose one of {known}")
        return quality

    def _check_shape(self, tokens_GLM: NDArray[Any], origin: TokenOrigin) -> None:
        whole = self.tokenizer.shape(origin.size_KTJI)
        if tokens_GLM.ndim != _AXES or tokens_GLM.shape[0] != whole[0]:
            what = f"tokens of shape {tokens_GLM.shape} are not those of {whole[0]} groups"
            raise UsageError(what, fix=f"give (groups, tokens) of this model: {whole}")
        if tokens_GLM.shape[1] > whole[1] or tokens_GLM.shape[2] > whole[2] or not tokens_GLM.size:
            what = f"a prefix of shape {tokens_GLM.shape} is not one of {whole}"
            raise UsageError(what, fix="give the first tokens of a group, at least one")

    def _tensor(self, array: NDArray[np.float32] | None) -> Any:
        return None if array is None else torch.from_numpy(array).to(self.device)


def _opened(source: Scan | NDArray[Any] | str | Path) -> tuple[Scan, str | Path]:
    if isinstance(source, Scan):
        return source, "scan"
    if isinstance(source, np.ndarray):
        return Scan.from_array(source), "array"
    return open_scan(Path(source)), source


def _check(scan: Scan, where: str | Path) -> None:
    fix = "give a cine MR of one channel"
    if scan.modality not in ("MR", "unknown"):
        raise InputError(f"is {scan.modality}, the model was made for MR", where=where, fix=fix)
    if scan.shape[0] != 1:
        raise InputError(f"has {scan.shape[0]} channels, a tokenizer takes one", where=where, fix=fix)
    if scan.dtype.kind not in "biuf":
        raise InputError(f"values of type {scan.dtype} are no image", where=where, fix=fix)
    if min(scan.shape) < 1:
        raise InputError("holds no voxel", where=where, fix=fix)
