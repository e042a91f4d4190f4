"""Options of `evaluate codec`. Without pydantic, so that the command line starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field

from vesalius.errors import UsageError


@dataclass(frozen=True)
class CodecEvaluationConfig:
    """What `evaluate codec` measures. Names of coders are stripped, empty ones left out.

    Raises:
        UsageError: a wrong value.

    Example:
        >>> CodecEvaluationConfig(coders=("svtav1", " x265 "), points=4).coders
        ('svtav1', 'x265')
    """

    coders: tuple[str, ...] = field(
        default=("svtav1", "x265", "jpeg2000", "jpegxl"),
        metadata={
            "help": "Coders to compare, comma-separated; tokens:MODEL: the tokens tier of a model; mean: the coded "
            "mean frame."
        },
    )
    lossless: tuple[str, ...] = field(
        default=("wls", "jpegxl", "jpeg2000", "jpegls", "x265"), metadata={"help": "Coders for lossless files."}
    )
    points: int = field(default=8, metadata={"help": "Rate points per coder and study."})
    judge: str | None = field(
        default=None,
        metadata={
            "flag": "--judge MODEL",
            "help": "Segmentation model that finds the heart before and after: Dice, EDV, ESV, EF.",
        },
    )

    claims: bool = field(
        default=False, metadata={"help": "Add what was once claimed for tokens of cine, against what was measured."}
    )

    def __post_init__(self) -> None:
        if not isinstance(self.points, int) or self.points < 1:
            raise UsageError(f"{self.points} rate points were given", where="--points", fix="give 1 or more")
        for name in ("coders", "lossless"):
            coders = getattr(self, name)
            if not all(isinstance(coder, str) for coder in coders):
                raise UsageError(f"{coders} are not names", where=f"--{name}", fix="give names of coders")
            object.__setattr__(self, name, tuple(coder.strip() for coder in coders if coder.strip()))
