"""Keys of TiTok's code."""

import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.train.seed_keys.convert import with_seed_keys


def test_keys_of_titok_become_keys_of_a_tokenizer():
    raw = {
        "task": "tokenize",
        "method": {"name": "titok", "net": {"name": "titok-tokens", "net": {"latents": 32}}},
        "model": {"vq_model": {"codebook_size": 2048, "vit_enc_patch_size": 8, "finetune_decoder": True}},
        "experiment": {"init_weight": "stage1"},
    }
    words = ["model.vq_model.num_latent_tokens=64", "training.max_grad_norm=1.0", "batch=8"]
    keys, rest = with_seed_keys(raw, words)
    assert rest == ["batch=8"]
    assert keys == {
        "task": "tokenize",
        "method": {
            "name": "titok",
            "net": {"name": "titok-tokens", "net": {"latents": 64, "quantizer": {"codes": 2048}, "patch": [8, 8]}},
            "stage": "decoder",
        },
        "init_from": {"model": "stage1", "part": "tokenizer"},
        "train": {"clip_norm": 1.0},
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("experiment.output_dir=x", "name the folder with -o"),
        ("model.vq_model.quantize_mode=vae", "method.name=vae"),
        ("model.vq_model.finetune_decoder=3", "choose one of true, false"),
    ],
)
def test_keys_of_titok_that_mean_nothing_here(word, message):
    with pytest.raises(ConfigError, match=message):
        with_seed_keys({"task": "tokenize"}, [word])


def test_every_key_of_titok_lands_in_the_configuration():
    """Each is put where the configuration of stage 2 has a field."""
    from vesalius.tasks.train.run import configured
    from vesalius.tasks.train.seed_keys.titok import TITOK_KEYS

    values = {"vit_enc_model_size": "small", "vit_dec_model_size": "base", "crop_size": 128, "use_l2_norm": "true"}
    values |= {"finetune_decoder": "true", "quantize_mode": "vq", "init_weight": "run", "codebook_size": 64}
    words = [f"{key}={values.get(key.rpartition('.')[2], 1)}" for key in TITOK_KEYS]
    refused = []
    taken = ["data.manifest=m.jsonl"]
    for word in words:
        try:
            with_seed_keys({"task": "tokenize"}, [word])
            taken.append(word.replace("patch_size=1", "patch_size=16"))
        except ConfigError:
            refused.append(word)
    assert len(refused) == 5
    _, config = configured("tokenize/titok_s128_stage2", taken)
    net = config.method.net.net
    assert (net.encoder, net.decoder, net.quantizer.codes) == ("small", "base", 64)
    assert config.example.size == (128, 128)
    assert config.init_from.model == "run"
