"""Options of `vesalius evaluate images`. Imports little, so that help starts fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vesalius.arguments import checked_fields
from vesalius.errors import UsageError

LITE0, RANDOM, NONE, AUTO = "efficientnet-lite0", "random", "none", "auto"
CUT_AREA = (0.19, 1.0)
"""Share of the area of a random cut, as generation trains with it."""


@checked_fields
@dataclass(frozen=True)
class QualityOptions:
    """What is compared, and in whose eyes.

    Raises:
        UsageError: a number that cannot be.
    """

    train: Path | None = field(
        default=None,
        metadata={
            "help": "Pictures that the generator was trained on: KID(generated, reference) - KID(train, reference), "
            "and whether it repeats them. Of a manifest with splits, its train split.",
            "flag": "--train MANIFEST",
        },
    )
    split: str | None = field(
        default=None, metadata={"help": "Only this split of REFERENCE, a manifest.", "flag": "--split NAME"}
    )
    by: str | None = field(
        default=None,
        metadata={
            "help": "Fact of the cases (stain, view); each of its values is measured apart, too.",
            "flag": "--by FACT",
        },
    )
    features: str = field(
        default=AUTO,
        metadata={
            "help": "Net whose features are compared: efficientnet-lite0 (vesalius[features]); random; a model folder, "
            "run or zoo name with an encoder, such as your own SimCLR; a file of torchvision's Inception-v3; none. "
            "auto: efficientnet-lite0 where it is installed, else random. The report names it.",
            "flag": "--features NET",
        },
    )
    paired: bool = field(
        default=False,
        metadata={"help": "Also PSNR, SSIM, MAE, MSE of pictures of one name: reconstructions only."},
    )
    size: tuple[int, int] | None = field(
        default=None,
        metadata={
            "help": "Rows and columns that all pictures are brought to, by default those of most generated pictures.",
            "flag": "--size J,I",
            "example": "64,64",
        },
    )
    cuts: int = field(
        default=0,
        metadata={
            "help": "Random cuts of each reference and training picture, for generated pictures that show parts of an "
            "image; 0: the largest box in the middle.",
            "flag": "--cuts N",
        },
    )
    area: tuple[float, float] = field(
        default=CUT_AREA,
        metadata={
            "help": "Least and largest share of a cut of the largest box.",
            "flag": "--area A,B",
            "example": "0.2,1",
        },
    )
    seed: int = field(default=0, metadata={"help": "Of the pictures drawn where a side has more, and of the cuts."})
    batch: int = field(default=32, metadata={"help": "Pictures in a batch."})
    cache: Path | None = field(
        default=None,
        metadata={"help": "Folder where features are kept, by default that of the user.", "flag": "--cache DIR"},
    )

    @property
    def model(self) -> str | None:
        """The model that `features` names; None where it is a word or a file."""
        is_word = self.features in (LITE0, RANDOM, NONE, AUTO)
        return None if is_word or Path(self.features).is_file() else self.features

    def __post_init__(self) -> None:
        for name, least in (("cuts", 0), ("seed", 0), ("batch", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{getattr(self, name)} was given", where=f"--{name}", fix=f"give {least} or more")
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 8):
            raise UsageError("is not a number of rows and columns from 8 on", where="--size", fix="write 64,64")
        if len(self.area) != 2 or not 0 < self.area[0] <= self.area[1] <= 1:
            raise UsageError("is not a least and a largest share from 0 to 1", where="--area", fix="write 0.19,1")
        if self.features == NONE and (self.train is not None or not self.paired):
            what = "without features there is nothing but paired measures"
            raise UsageError(what, where="--features", fix="pass --paired without --train, or name a net")
