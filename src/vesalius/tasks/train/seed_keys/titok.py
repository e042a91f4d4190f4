"""The keys of TiTok's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vesalius.tasks.train.seed_keys.places import Place, Raw, all_steps, at, instead, moved, only, switched


def _started(keys: Raw, flag: str, value: Any) -> None:
    """Start from the tokenizer of a run."""
    at("init_from.model", {})(keys, flag, value)
    at("init_from.part", {})(keys, flag, "tokenizer")


def _stage(keys: Raw, flag: str, value: Any) -> None:
    at("method.stage", {})(keys, flag, "decoder" if switched(value, flag) else "proxy")


_NET = "method.net.net"
TITOK_KEYS: Mapping[str, Place] = {
    "experiment.init_weight": _started,
    "experiment.output_dir": instead("name the folder with -o"),
    "experiment.save_every": moved("train.checkpoint_every"),
    "experiment.log_every": moved("train.log_every"),
    "experiment.eval_every": instead("train.validate_every counts epochs"),
    "experiment.resume": instead("give --resume"),
    "model.vq_model.codebook_size": moved(f"{_NET}.quantizer.codes"),
    "model.vq_model.token_size": moved(f"{_NET}.quantizer.dim"),
    "model.vq_model.use_l2_norm": moved(f"{_NET}.quantizer.l2_norm"),
    "model.vq_model.commitment_cost": moved(f"{_NET}.quantizer.commitment"),
    "model.vq_model.vit_enc_model_size": moved(f"{_NET}.encoder"),
    "model.vq_model.vit_dec_model_size": moved(f"{_NET}.decoder"),
    "model.vq_model.vit_enc_patch_size": moved(f"{_NET}.patch", lambda side: [side, side]),
    "model.vq_model.num_latent_tokens": moved(f"{_NET}.latents"),
    "model.vq_model.finetune_decoder": _stage,
    "model.vq_model.quantize_mode": only("vq", "for continuous tokens take method.name=vae"),
    "losses.quantizer_weight": moved("method.quantizer_weight"),
    "losses.reconstruction_weight": moved("method.loss.l2"),
    "losses.perceptual_weight": moved("method.loss.perceptual.weight"),
    "losses.perceptual_loss": instead("name a model with method.loss.perceptual.model"),
    "losses.discriminator_start": moved("method.loss.adversarial.start"),
    "losses.discriminator_weight": moved("method.loss.adversarial.weight"),
    "losses.lecam_regularization_weight": moved("method.loss.adversarial.lecam"),
    "dataset.preprocessing.crop_size": moved("example.size", lambda side: [side, side]),
    "dataset.params.train_shards_path_or_url": moved("data.manifest"),
    "optimizer.params.learning_rate": moved("train.optimizer.lr"),
    "optimizer.params.weight_decay": moved("train.optimizer.weight_decay"),
    "lr_scheduler.params.warmup_steps": moved("train.schedule.warmup_steps"),
    "training.per_gpu_batch_size": instead("give batch, of all processes together"),
    "training.gradient_accumulation_steps": moved("train.accumulate"),
    "training.max_train_steps": all_steps,
    "training.max_grad_norm": moved("train.clip_norm"),
    "training.seed": moved("train.seed"),
}
"""Key of TiTok's code -> what it does to the keys."""
