"""What a reconstruction is judged by: pixels, features, masks, motion, and a discriminator.

Letters: B examples, K slices, T frames, J rows, I columns; P pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.config import Config
from vesalius.nets.patch_critic import RandomFeatures, patch_critic
from vesalius.objectives.adversarial import LeCam, discriminator_hinge, generator_hinge
from vesalius.objectives.frame_differences import frame_differences
from vesalius.objectives.kept_masks import kept_masks
from vesalius.objectives.perceptual import perceptual
from vesalius.tasks.tokenize.judges import EncoderFeatures, MaskFinder
from vesalius.training.config import OptimizerConfig
from vesalius.training.task import Trained, frozen

CRITIC, LECAM, FEATURES, SEGMENTER = "critic", "lecam", "features", "segmenter"
"""Names of the modules beside the tokenizer."""
Weight = Annotated[float, Field(ge=0)]


class PerceptualTerm(Config):
    """Distance in the features of a frozen network."""

    weight: Weight = Field(default=0.1, description="weight of the term")
    model: str | None = Field(default=None, description="model with an encoder of pictures; none: random convolutions")


class MasksTerm(Config):
    """What a frozen segmenter finds should stay."""

    weight: Weight = Field(default=0.1, description="weight of 1 minus the mean Dice")
    model: str = Field(default="segment/cine_unet", description="segmenter of pictures of one channel")


class AdversarialTerm(Config):
    """A discriminator of patches that learns beside the tokenizer."""

    weight: Weight = Field(default=0.1, description="weight of the discriminator's verdict")
    start: int = Field(default=0, ge=0, description="steps before it takes part")
    lecam: Weight = Field(default=0.001, description="weight of the regularization of the verdicts; 0: none")
    width: int = Field(default=32, ge=8, multiple_of=8, description="channels of its first level")
    levels: int = Field(default=3, ge=1, description="halvings")
    optimizer: OptimizerConfig = Field(
        default=OptimizerConfig.build(name="adamw", lr=1e-4), description="optimizer of the discriminator"
    )


class ReconstructionLoss(Config):
    """Weights of the terms; a term of weight 0 or none is not computed."""

    l1: Weight = Field(default=0.0, description="weight of the mean absolute error")
    l2: Weight = Field(default=1.0, description="weight of the mean squared error")
    temporal: Weight = Field(default=0.0, description="weight of the error of the frame differences")
    perceptual: PerceptualTerm | None = None
    masks: MasksTerm | None = None
    adversarial: AdversarialTerm | None = None
    frames: int = Field(
        default=2, ge=1, description="frames of each example, drawn anew, that features, masks and critic see"
    )

    def helpers(self) -> dict[str, nn.Module]:
        """The discriminator and what goes with it, by name."""
        term = self.adversarial
        if term is None:
            return {}
        return {CRITIC: patch_critic(1, term.width, term.levels), LECAM: LeCam()}

    def frozen(self) -> dict[str, nn.Module]:
        """The frozen networks, by name.

        Raises:
            InputError: no such model, or one that does not fit.
        """
        modules: dict[str, nn.Module] = {}
        if self.perceptual is not None:
            model = self.perceptual.model
            modules[FEATURES] = RandomFeatures() if model is None else EncoderFeatures(model)
        if self.masks is not None:
            modules[SEGMENTER] = MaskFinder(self.masks.model)
        return modules

    def optimizers(self, names: Sequence[str]) -> dict[str, Trained]:
        """One optimizer for the modules `names`, and one for the discriminator where there is one."""
        both = {"net": Trained(tuple(names))}
        if self.adversarial is not None:
            both[CRITIC] = Trained((CRITIC, LECAM), optimizer=self.adversarial.optimizer, averaged=False)
        return both

    def __call__(
        self, x_BKTJI: Tensor, truth_BKTJI: Tensor, modules: Mapping[str, nn.Module], step: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the losses of the optimizers "net" and, with a discriminator, "critic", and the unweighted terms.

        Args:
            x_BKTJI: reconstruction.
            truth_BKTJI: original.
            modules: those of the run by name.
            step: number of the optimizer step.
        """
        terms: list[tuple[str, float, Callable[[], Tensor]]] = [
            ("l1", self.l1, lambda: (x_BKTJI - truth_BKTJI).abs().mean()),
            ("l2", self.l2, lambda: (x_BKTJI - truth_BKTJI).square().mean()),
            ("temporal", self.temporal, lambda: frame_differences(x_BKTJI.flatten(0, 1), truth_BKTJI.flatten(0, 1))),
        ]
        if self.perceptual or self.masks or self.adversarial:
            times = torch.randint(x_BKTJI.shape[2], (len(x_BKTJI), self.frames), device=x_BKTJI.device)
            x_PCJI, truth_PCJI = _pictures(x_BKTJI, times), _pictures(truth_BKTJI, times)
        if self.perceptual is not None:
            features = cast("Callable[[Tensor], Sequence[Tensor]]", modules[FEATURES])
            terms.append(("perceptual", self.perceptual.weight, lambda: perceptual(x_PCJI, truth_PCJI, features)))
        if self.masks is not None:
            terms.append(("masks", self.masks.weight, lambda: kept_masks(x_PCJI, truth_PCJI, modules[SEGMENTER])))
        values = {name: (weight, value()) for name, weight, value in terms if weight}
        losses = {"net": sum((weight * value for weight, value in values.values()), x_BKTJI.new_zeros(()))}
        logs = {name: value.detach() for name, (_, value) in values.items()}
        if self.adversarial is not None:
            losses, more = self._judged(losses["net"], x_PCJI, truth_PCJI, modules, step)
            logs |= more
        return losses, logs

    def _judged(
        self, loss: Tensor, x_PCJI: Tensor, truth_PCJI: Tensor, modules: Mapping[str, nn.Module], step: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Add the verdict to the loss, and return the discriminator's own."""
        term = self.adversarial
        critic, lecam = modules[CRITIC], modules[LECAM]
        if term is None or step < term.start:  # a gradient of 0 in every step
            return {"net": loss, CRITIC: 0 * critic(truth_PCJI).mean()}, {}
        with frozen(critic):
            verdict = generator_hinge(critic(x_PCJI))
        both = critic(torch.cat([truth_PCJI, x_PCJI.detach()]))
        real, fake = both.chunk(2)
        own = discriminator_hinge(real, fake)
        if term.lecam:
            own = own + term.lecam * lecam(real, fake)
        logs = {"verdict_real": real.detach().mean(), "verdict_fake": fake.detach().mean()}
        return {"net": loss + term.weight * verdict, CRITIC: own}, logs


def _pictures(x_BKTJI: Tensor, times_BN: Tensor) -> Tensor:
    """Return the frames of each example as pictures of one channel, x_PCJI."""
    chosen = [x_KTJI[:, times] for x_KTJI, times in zip(x_BKTJI, times_BN, strict=True)]
    return torch.stack(chosen).flatten(0, 2)[:, None]
