"""How a tokenizer learns: one class for each method.

Letters: B examples, K slices, T frames, J rows, I columns, N tokens of an example, F facts of a patient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from vesalius.config import Named
from vesalius.named import Table
from vesalius.nets.net import Net
from vesalius.training.task import Logs, Losses, Trained, bare
from vesalius.weights.saved import TOKENIZER as TOKENIZER

TOKENIZERS = Table(
    "method",
    {
        "titok": "vesalius.tasks.tokenize.codes:CodesMethod",
        "vae": "vesalius.tasks.tokenize.frames:VaeMethod",
        "vqgan": "vesalius.tasks.tokenize.frames:VqganMethod",
        "vae3d": "vesalius.tasks.tokenize.vae3d:Vae3d",
        "cycle": "vesalius.tasks.tokenize.cycle:CycleTokens",
        "cycle-prior": "vesalius.tasks.tokenize.cycle_prior:CyclePriorTokens",
    },
)
FACTS = "facts"
"""Name under which a batch holds facts_BF, in the order of `vesalius.nets.clinical.FACTS`; NaN where unknown."""
Examples: TypeAlias = Mapping[str, Tensor]
"""A batch: "x" is x_BKTJI, values from 0 to 1; "mean" mean_BKJI, decoded, where the method takes one; "facts" facts_BF
where it takes them."""


@dataclass(frozen=True)
class Decoded:
    """What a batch becomes.

    Args:
        x_BKTJI: decoded from its tokens.
        zeroed_BKTJI: decoded from nothing: tokens or latents of 0.
        others_BKTJI: each example decoded from the tokens of another one; None where the batch has one.
        codes_BN: the tokens; None where they are no integers.
        codes: how many different tokens there can be; None where their number is open.
    """

    x_BKTJI: Tensor
    zeroed_BKTJI: Tensor
    others_BKTJI: Tensor | None = None
    codes_BN: Tensor | None = None
    codes: int | None = None


class TokenMethod(Named, ABC):
    """A network that ships as the part "tokenizer", what is trained and frozen beside it, and the losses.

    `modules` are those of the run by name: "tokenizer", the helpers and the frozen ones.
    """

    table = TOKENIZERS

    @abstractmethod
    def shipped(self) -> Net:
        """The network that ships; its module is a `vesalius.nets.tokenizer.Tokenizer`, or a stage on the way to one."""

    @property
    def takes_mean(self) -> bool:
        """Whether examples need the decoded mean of each slice over time."""
        return False

    @property
    def takes_facts(self) -> bool:
        """Whether examples need what is known of the patient."""
        return False

    def helpers(self) -> dict[str, nn.Module]:
        """Further modules that are trained and do not ship, by name, e.g. a discriminator."""
        return {}

    def frozen(self) -> dict[str, nn.Module]:
        """Modules that are used and never trained, by name, e.g. a segmenter."""
        return {}

    def begin(self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int) -> None:
        """Give fresh modules values that depend on data; weights of `init_from` are loaded after this.

        Args:
            modules: freshly built, on the CPU.
            batches: makes batches of the first epoch, the same at each call.
            seed: random seed of the run.
        """
        del modules, batches, seed

    def optimizers(self, modules: Mapping[str, nn.Module]) -> dict[str, Trained]:
        """The modules of each optimizer; the default trains all with one called "net"."""
        return {"net": Trained(tuple(modules))}

    def train_mode(self, modules: Mapping[str, nn.Module]) -> None:
        """Called before each step."""
        for module in modules.values():
            module.train()

    @abstractmethod
    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        """Return a loss for each optimizer and numbers for the record; as `Task.training_step`."""

    def after_step(
        self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int, step: int
    ) -> Logs:
        """Called after the optimizers, e.g. to revive dead codes; return numbers for the record of the next step.

        The arguments are those of `begin`, and the number of the step. Whatever it does must follow from them and from
        what a state holds, so that a resumed run does the same.
        """
        del modules, batches, seed, step
        return {}

    @abstractmethod
    def decoded(self, modules: Mapping[str, nn.Module], batch: Examples) -> Decoded:
        """Return what the examples become; modules are in eval mode."""


def tokenizer_of(modules: Mapping[str, nn.Module]) -> nn.Module:
    """Return the module that ships, without what the loop wrapped around it."""
    return bare(modules[TOKENIZER])


AnyTokenMethod: TypeAlias = Annotated[SerializeAsAny[TokenMethod], BeforeValidator(TokenMethod.read)]
"""A field of a configuration that holds a method or its table."""
