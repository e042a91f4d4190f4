"""A diffusion transformer learns pictures with their captions and masks.

Letters: B batch, C channel, M classes of the mask, J rows, I columns.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Batch as Samples
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import UsageError
from vesalius.nets.lora import add_lora, merge_lora
from vesalius.nets.net import Net, build
from vesalius.nets.picture_latents import PictureLatents
from vesalius.objectives.rectified_flow import flow_loss, point
from vesalius.objectives.region_contrast import region_contrast
from vesalius.seeding import digest
from vesalius.tasks.generate.buckets import Bucket, Buckets, in_buckets
from vesalius.tasks.generate.canvas import FlowSpace
from vesalius.tasks.generate.conditions import Captions, Conditions
from vesalius.tasks.generate.config import TEXT, VAE, GenerateConfig, GenerateSettings, Size, usual_captions
from vesalius.tasks.generate.cuts import PLACES, Cuts
from vesalius.tasks.generate.places import shares_of
from vesalius.tasks.label_values import LabelValues
from vesalius.training.task import Batch, Logs, Losses, Task, Trained, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.transform import Chain, Sample
from vesalius.weights.place import locate
from vesalius.weights.saved import NET, ModelConfig, from_pretrained, read_config, save_pretrained

_NUMBERS = {"fp32": torch.float32, "bf16": torch.bfloat16}
_TIMES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
"""At which held-out pictures are measured."""
AGAIN = "#"
"""Between the id of a case and the number of its further turns in an epoch."""


class GenerateTask(Task):
    """Random cuts of the training pictures; validated on the loss of held-out pictures at fixed times and noise.

    Args:
        config: of the run.
        parts: the cases to train on and to validate on ("train", "val").
    """

    def __init__(self, config: GenerateConfig, parts: Mapping[str, Cohort]) -> None:
        self.config, self.parts = config, parts
        self._values = LabelValues(config.data.labels, (), config.data.map_values) if config.data.labels else None
        train = self._with_turns(parts["train"])
        self._training = Buckets(self._buckets(train, "shuffled"), config.batch, config.train.seed)
        self._held_out = self._buckets(parts["val"], "cohort")
        self._captions = Captions()
        self._canvas = FlowSpace(
            config.pixels, config.vae, remembers=not any(each.is_random for each in config.augment)
        )
        if not len(self._training):
            what = f"no size has as many cases as the batch of {config.batch}"
            raise UsageError(what, where="batch", fix="make it smaller, or raise data.times or repeats of sizes")

    def build(self) -> dict[str, nn.Module]:
        net = build(self.config.net)
        if self.config.lora is not None:
            add_lora(net, self.config.lora)
            self._text.requires_grad_(False)
        return {NET: net, **({TEXT: self._text} if self._learns_text else {})}

    def frozen(self) -> dict[str, nn.Module]:
        parts = {} if self._learns_text else {TEXT: self._text}
        return parts if self._vae is None else {**parts, VAE: self._vae}

    @property
    def _learns_text(self) -> bool:
        return self.config.text.trained and self.config.lora is None

    @cached_property
    def _text(self) -> nn.Module:
        """The encoder of captions: that of the net to start from where it is the same, else a fresh one."""
        init = self.config.init_from
        if init is not None and init.part == NET and self.config.text.trained:
            part = read_config(locate(init.model)).parts.get(TEXT)
            if part is not None and part.net == self.config.text:
                return from_pretrained(init.model, only=TEXT).parts[TEXT].net
        return build(self.config.text)

    @cached_property
    def _vae(self) -> PictureLatents | None:
        built = None if self.config.vae is None else build(self.config.vae)
        return built if isinstance(built, PictureLatents) else None

    def batch_size(self) -> int:
        return self.config.batch

    def batches_per_epoch(self) -> int:
        return len(self._training)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """This rank's pictures (B, C, J, I), captions, and shares of the classes (B, M, J, I) from -1 to 1.

        A case without a label map has shares of 0.
        """
        for samples in self._training.epoch(epoch, start, rank, world):
            yield self._batch(samples)

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        config, count = self.config, len(batch["caption"])
        data_BCJI = self._canvas.from_pictures(batch["image"], self._vae)
        t_B, noise_BCJI, kept_B2 = self._draws(data_BCJI)
        captions = [text if kept else "" for text, kept in zip(batch["caption"], kept_B2[:, 0].tolist(), strict=True)]
        mask_BMJI = None
        if self._values is not None:
            kept_B111 = kept_B2[:, 1].to(data_BCJI)[:, None, None, None]
            mask_BMJI = self._canvas.places(batch["mask"]) * kept_B111
        conditions = self._conditions(captions, mask_BMJI)
        x_BCJI = point(data_BCJI, noise_BCJI, t_B)
        output = conditions.output(self.modules[NET], x_BCJI, t_B)
        velocity_BCJI = config.flow.velocity(output, x_BCJI, t_B)
        region_BJI = None if not config.weights else self._region(conditions.mask_BMJI)
        weight_BJI = None if region_BJI is None else 1 + region_BJI
        loss = flow_loss(velocity_BCJI, data_BCJI, noise_BCJI, weight_BJI)
        logs: dict[str, Tensor | float] = {"loss": loss.detach(), "captions": float(sum(map(bool, captions))) / count}
        if config.contrast is not None and conditions.mask_BMJI is not None:
            contrast = self._contrast(output, x_BCJI, t_B, conditions)
            logs["contrast"] = contrast.detach()
            loss = loss + config.contrast.weight * contrast
        return {"net": loss}, logs

    def optimizers(self) -> dict[str, Trained]:
        return {"net": Trained(tuple(self.modules))}

    @torch.no_grad()
    def validate(self, step: int) -> dict[str, float]:
        """Loss on held-out pictures, and what a wrong caption and no mask would cost: both must be above 0."""
        del step
        rows = [row for batch in self.ranks.share(self._examples) for row in self._measured(batch)]
        rows = [row for share in self.ranks.gathered([rows]) for row in share] if self.ranks.world > 1 else rows
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}

    def export(self, folder: Path) -> None:
        config = self.config
        captions = usual_captions(config.data.caption(case) for case in self.parts["train"])
        settings = GenerateSettings(
            classes=config.data.labels,
            map_values=config.data.map_values,
            sizes=tuple(size.shape for size in config.sizes),
            channels=3 if config.channels == 3 else 1,
            pixels=config.pixels,
            flow=config.flow,
            captions=captions,
        )
        net, text = bare(self.modules[NET]), bare(self.modules.get(TEXT, self._text))
        if config.lora is not None:
            net = copy.deepcopy(net)
            merge_lora(net)
        nets: dict[str, Net] = {NET: config.net, TEXT: config.text}
        modules = {NET: net, TEXT: text}
        if config.vae is not None and self._vae is not None:
            nets[VAE], modules[VAE] = config.vae, self._vae
        save_pretrained(folder, modules, ModelConfig.of("generate", nets, settings), _NUMBERS[config.numbers])
        write_contract(InputContract(images=config.data.images, prepare=config.prepare), folder)

    def reconstruction_db(self) -> float | None:
        """Mean PSNR in dB of the autoencoder on held-out pictures, the ceiling of what is generated; None in pixels."""
        if self._vae is None:
            return None
        found = []
        for batch in self._examples:
            x_BCJI = batch["image"].to(next(bare(self.modules[NET]).parameters()).device).clamp(0, 1)
            back_BCJI = self._canvas.to_pictures(self._canvas.from_pictures(x_BCJI, self._vae), self._vae)
            error_B = (back_BCJI - x_BCJI).square().flatten(1).double().mean(1).clamp(min=1e-10)
            found += (-10 * error_B.log10()).tolist()
        return float(np.mean(found))

    def _measured(self, batch: Batch) -> list[dict[str, float]]:
        """Losses of each picture, means over the times: own conditions, those of others, none."""
        device = next(bare(self.modules[NET]).parameters()).device
        data_BCJI = self._canvas.from_pictures(batch["image"].to(device), self._vae)
        noise_BCJI = torch.stack([_noise(data_BCJI[n].shape, name) for n, name in enumerate(batch["id"])]).to(device)
        mask_BMJI = self._canvas.places(batch["mask"].to(device)) if self._values is not None else None
        own = self._conditions(batch["caption"], mask_BMJI)
        others = [*batch["caption"][1:], *batch["caption"][:1]]
        differ = [mine != other for mine, other in zip(batch["caption"], others, strict=True)]
        cases = {"loss": own, "other": self._conditions(others, mask_BMJI), "unmasked": own.without_mask()}
        losses = {name: np.zeros(len(data_BCJI)) for name in cases}
        for time in _TIMES:
            t_B = torch.full((len(data_BCJI),), time, device=device)
            x_BCJI = point(data_BCJI, noise_BCJI, t_B)
            for name, conditions in cases.items():
                output = conditions.output(bare(self.modules[NET]), x_BCJI, t_B)
                error_BCJI = self.config.flow.velocity(output, x_BCJI, t_B) - (data_BCJI - noise_BCJI)
                losses[name] += error_BCJI.square().flatten(1).mean(1).double().cpu().numpy() / len(_TIMES)
        rows = []
        for n, differs in enumerate(differ):
            row = {"loss": losses["loss"][n]}
            if differs:
                row["text_gain"] = losses["other"][n] - losses["loss"][n]
            if mask_BMJI is not None and bool(batch["masked"][n]):
                row["mask_gain"] = losses["unmasked"][n] - losses["loss"][n]
            rows.append(row)
        return rows

    def _draws(self, data_BCJI: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Times, noise and kept conditions (B, 2) of this rank's pictures: its share of those of one process."""
        rank, world = self.ranks.rank, self.ranks.world
        count, drop = len(data_BCJI) * world, self.config.drop
        t_B = self.config.flow.times(count)[rank::world]
        kept_B2 = (torch.rand(count, 2) >= torch.tensor([drop.caption, drop.mask]))[rank::world]
        noise_BCJI = torch.randn(count, *data_BCJI.shape[1:])[rank::world]
        return t_B.to(data_BCJI.device), noise_BCJI.to(data_BCJI.device), kept_B2

    def _conditions(self, captions: Sequence[str], mask_BMJI: Tensor | None) -> Conditions:
        text = self.modules.get(TEXT, self._text)
        encoded = self._captions.encode(text, captions, trained=self.config.text.trained)
        return Conditions(*encoded, mask_BMJI)

    def _region(self, mask_BMJI: Tensor | None) -> Tensor:
        """How much more each place weighs, (B, J, I)."""
        if mask_BMJI is None:
            raise ValueError("weights without masks")
        weights = [self.config.weights.get(name, 0.0) for name in self.config.data.labels]
        weights_M = torch.tensor(weights, device=mask_BMJI.device)
        given_B = mask_BMJI.flatten(1).any(1)
        shares_BMJI = (mask_BMJI + 1) / 2 * given_B[:, None, None, None]
        return (shares_BMJI * weights_M[:, None, None]).sum(1)

    def _contrast(self, output_BCJI: Tensor, x_BCJI: Tensor, t_B: Tensor, conditions: Conditions) -> Tensor:
        """Region contrast between the output and that for masks without the weighted classes."""
        config, mask_BMJI = self.config, conditions.mask_BMJI
        if config.contrast is None or mask_BMJI is None:
            raise ValueError("contrast without masks")
        weighted_M = torch.tensor([name in config.weights for name in config.data.labels], device=mask_BMJI.device)
        given_B = mask_BMJI.flatten(1).any(1)[:, None, None, None]
        without_BMJI = torch.where(weighted_M[:, None, None] & given_B, -1.0, mask_BMJI)
        without = Conditions(conditions.text_BLD, conditions.kept_BL, without_BMJI)
        region_BJI = ((mask_BMJI + 1) / 2 * given_B * weighted_M[:, None, None]).sum(1).clamp(max=1)
        other_BCJI = without.output(self.modules[NET], x_BCJI, t_B)
        return region_contrast(output_BCJI.float(), other_BCJI.float(), region_BJI, config.contrast.delta)

    @cached_property
    def _examples(self) -> list[Batch]:
        """Batches of held-out pictures of one size each, the same at each validation."""
        examples = []
        for bucket in self._held_out:
            kept = _spread(len(bucket.loader.cohort), self.config.most)
            cuts = cuts_of(self.config, bucket.size, self._values)
            loaded = [case for n, case in enumerate(bucket.loader.epoch(0)) if n in kept]
            for start in range(0, len(loaded), self.config.batch):
                several = loaded[start : start + self.config.batch]
                middles = [cuts.middle(Sample(case.image, case.masks)) for case in several]
                images = np.stack([middle.image for middle in middles])
                masks = {PLACES: np.stack([middle.masks[PLACES] for middle in middles])} if self._values else {}
                cases = tuple(case.case for case in several)
                examples.append(self._batch(Samples(cases, images, np.zeros((len(cases), 0), np.float32), masks)))
        return examples

    def _batch(self, samples: Samples) -> Batch:
        """What a batch of the loader is for the net."""
        config = self.config
        if samples.images.shape[1] != config.channels:
            what = f"the pictures have {samples.images.shape[1]} channels, the net or vae takes {config.channels}"
            raise UsageError(what, where="net.inputs", fix="change it, or the step picture_channels of prepare")
        batch: dict[str, Any] = {
            "image": torch.from_numpy(samples.images),
            "caption": [config.data.caption(case) for case in samples.cases],
            "id": [case.id for case in samples.cases],
        }
        if self._values is not None:
            masked_B = torch.tensor([config.data.mask in case.masks for case in samples.cases])
            shares_BMJI = torch.from_numpy(np.ascontiguousarray(samples.masks[PLACES]))
            batch["mask"] = (2 * shares_BMJI - 1) * masked_B[:, None, None, None]
            batch["masked"] = masked_B
        return batch

    def _buckets(self, cohort: Cohort, order: Any) -> list[Bucket]:
        config = self.config
        masks = () if self._values is None else (config.data.mask,)

        def loader(part: Cohort, size: Size) -> Loader:
            random = order == "shuffled"
            return config.data.loader(
                part,
                prepare=config.prepare,
                order=order,
                seed=config.train.seed,
                masks=masks,
                optional_masks=True,
                classes=(),
                augment=cuts_of(config, size, self._values) if random else None,
                repeats=size.repeats if random else 1,
            )

        cases = {case.id: case for case in cohort}

        def aspect(case_id: str) -> float:
            columns, rows = open_image(cohort, cases[case_id], config.data.images[0]).shape[2:4]
            return columns / rows

        return in_buckets(cohort, config.sizes, aspect, loader)

    def _with_turns(self, cohort: Cohort) -> Cohort:
        """The cases as often as they come in an epoch, the further ones under ids of their own."""
        data = self.config.data
        cases: list[Case] = []
        for case in cohort:
            cases.append(case)
            again = range(2, data.turns(case) + 1)
            cases += [case.model_copy(update={"id": f"{case.id}{AGAIN}{number}"}) for number in again]
        return Cohort(tuple(cases), cohort.root, cohort.notes)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A held-out case as the model is shown it.

    Args:
        id: of the case.
        caption: its words.
        picture: (J, I, C), 0 to 255.
        labels_JI: values that the model's classes have, 0 the background; None without a mask.
        size: rows and columns.
    """

    id: str
    caption: str
    picture: NDArray[np.uint8]
    labels_JI: NDArray[np.integer] | None
    size: tuple[int, int]


def heldout(config: GenerateConfig, cohort: Cohort, most: int) -> list[HeldOut]:
    """Return the middles of evenly chosen cases at the first size of the run."""
    size = config.sizes[0]
    values = LabelValues(config.data.labels, (), config.data.map_values) if config.data.labels else None
    cuts = cuts_of(config, size, values)
    kept = _spread(len(cohort), most)
    chosen = Cohort(tuple(case for n, case in enumerate(cohort) if n in kept), cohort.root, cohort.notes)
    masks = () if values is None else (config.data.mask,)
    loader = config.data.loader(
        chosen, prepare=config.prepare, order="cohort", masks=masks, optional_masks=True, classes=()
    )
    cases = []
    for loaded in loader.epoch(0):
        middle = cuts.middle(Sample(loaded.image, loaded.masks))
        labels_JI = None
        if values is not None and config.data.mask in loaded.case.masks:
            shares_MJI = middle.masks[PLACES]
            classes_JI = np.where(shares_MJI.max(0) >= 0.5, shares_MJI.argmax(0) + 1, 0)
            labels_JI = values.written(classes_JI)
        picture = (255 * middle.image.clip(0, 1)).round().astype(np.uint8).transpose(1, 2, 0)
        cases.append(HeldOut(loaded.id, config.data.caption(loaded.case), picture, labels_JI, size.shape))
    return cases


def cuts_of(config: GenerateConfig, size: Size, values: LabelValues | None) -> Cuts:
    """Return the cuts of a size."""
    shares = None if values is None else lambda mask: shares_of(mask[0], values, "a label map")
    classes = len(config.data.labels)
    return Cuts(size.shape, config.crop, Chain(transforms=config.augment), shares, classes, config.data.mask)


def _noise(shape: Sequence[int], *names: str) -> Tensor:
    """Noise that depends on names alone."""
    generator = torch.Generator().manual_seed(digest("held-out noise", *names) % (1 << 63))
    return torch.randn(*shape, generator=generator)


def _spread(count: int, most: int) -> set[int]:
    """At most so many numbers, evenly chosen below `count`."""
    return set(range(count)) if count <= most else {int((n + 0.5) * count / most) for n in range(most)}
