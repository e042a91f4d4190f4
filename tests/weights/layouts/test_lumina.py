"""Expected values: LuminaNextDiT2DModel of diffusers, run in the test with the same random numbers."""

import pytest
import torch

from vesalius.errors import InputError
from vesalius.nets.next_dit import NextDiT
from vesalius.weights.keymap import match
from vesalius.weights.layouts.lumina import DIFFUSERS, NEXT_DIT

SMALL = {"inputs": 4, "width": 48, "depth": 2, "heads": 4, "kv_heads": 2, "patch": 2, "text_width": 24}
SIZES = NextDiT(**SMALL, ffn_multiple=16, learns_sigma=True)
_THEIRS = (
    (".attn2.to_out.0.", ".attention.wo."), (".attn1.to_q.", ".attention.wq."), (".attn1.to_k.", ".attention.wk."),
    (".attn1.to_v.", ".attention.wv."), (".attn2.to_k.", ".attention.wk_y."), (".attn2.to_v.", ".attention.wv_y."),
    (".attn1.norm_q.", ".attention.q_norm."), (".attn1.norm_k.", ".attention.k_norm."),
    (".attn2.norm_k.", ".attention.ky_norm."), (".gate", ".attention.gate"), ("linear_1.", "w1."), ("linear_2.", "w2."),
    ("linear_3.", "w3."), (".norm1_context.", ".attention_y_norm."), (".norm1.linear.", ".adaLN_modulation.1."),
    (".norm1.norm.", ".attention_norm1."), (".norm2.", ".attention_norm2."),
)  # fmt: skip
_AROUND = {
    "patch_embedder.proj.": "x_embedder.",
    "time_caption_embed.timestep_embedder.linear_1.": "t_embedder.mlp.0.",
    "time_caption_embed.timestep_embedder.linear_2.": "t_embedder.mlp.2.",
    "time_caption_embed.caption_embedder.": "cap_embedder.",
    "norm_out.linear_1.": "final_layer.adaLN_modulation.1.",
    "norm_out.linear_2.": "final_layer.linear.",
}


@pytest.fixture(scope="module")
def published():
    """The model of diffusers with random numbers everywhere."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    model = diffusers.LuminaNextDiT2DModel(
        sample_size=16, patch_size=2, in_channels=4, hidden_size=48, num_layers=2, num_attention_heads=4,
        num_kv_heads=2, multiple_of=16, cross_attention_dim=24, learn_sigma=True,
    ).eval()  # fmt: skip
    for name, weight in model.named_parameters():
        weight.data = 0.2 * torch.randn_like(weight) + ("norm" in name and name.endswith("weight"))
    for block in model.layers:
        block.attn2.to_q.load_state_dict(block.attn1.to_q.state_dict())
        block.attn2.norm_q.load_state_dict(block.attn1.norm_q.state_dict())
    return model


def as_published(state):
    """The same tensors under the names of the authors."""
    renamed = {}
    for name, tensor in state.items():
        if ".attn2.to_q." in name or ".attn2.norm_q." in name:
            continue
        if name.startswith("layers."):
            for theirs, ours in _THEIRS:
                name = name.replace(theirs, ours)
        for theirs, ours in _AROUND.items():
            name = name.replace(theirs, ours) if name.startswith(theirs) else name
        renamed[name] = tensor
    return renamed


def outputs(model, x, t, text, kept):
    from diffusers.models.embeddings import get_2d_rotary_pos_embed_lumina

    turns = get_2d_rotary_pos_embed_lumina(12, 384, 384)
    with torch.no_grad():
        return model(x, t, text, kept.int(), turns, cross_attention_kwargs={}, return_dict=False)[0][:, :4]


@pytest.mark.parametrize("names", ["diffusers", "authors"])
def test_every_tensor_loads_and_the_output_is_that_of_diffusers(published, names):
    state = published.state_dict()
    layout, given = (DIFFUSERS, state) if names == "diffusers" else (NEXT_DIT, as_published(state))
    net = SIZES.make().eval()
    report = match(given, net, layout.keymap)
    assert (report.missing, report.unexpected, report.shapes) == ((), (), ())
    assert len(report.loaded) == len(net.state_dict())
    x, t, text = torch.randn(2, 4, 8, 12), torch.tensor([0.1, 0.8]), torch.randn(2, 5, 24)
    kept = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    with torch.no_grad():
        ours = net(x, t, text, kept)
    theirs = outputs(published, x, t, text, kept)
    torch.testing.assert_close(ours, theirs, atol=1e-5 * theirs.abs().max().item(), rtol=1e-5)


def test_further_channels_of_a_mask_leave_the_first_step_as_it_was(published):
    plain, masked = (NextDiT(**SIZES.model_copy(update=change).model_dump(exclude={"name"})).make().eval()
                     for change in ({}, {"mask_channels": 3}))  # fmt: skip
    match(published.state_dict(), plain, DIFFUSERS.keymap)
    match(published.state_dict(), masked, DIFFUSERS.keymap, allow=["stem.project_mask.weight"])
    x, t, text, kept = torch.randn(1, 4, 8, 8), torch.rand(1), torch.randn(1, 5, 24), torch.ones(1, 5).bool()
    with torch.no_grad():
        assert masked(x, t, text, kept, torch.randn(1, 3, 8, 8)).equal(plain(x, t, text, kept))


def test_a_query_of_the_text_that_was_trained_apart_is_not_lost_silently(published):
    state = {**published.state_dict()}
    state["layers.0.attn2.to_q.weight"] = state["layers.0.attn2.to_q.weight"] + 1
    with pytest.raises(InputError, match=r"layers\.0\.attn2\.to_q\.weight"):
        match(state, SIZES.make(), DIFFUSERS.keymap)


def test_the_published_model_fits_by_its_shapes():
    """2B with 8 heads of keys: names and shapes of the authors, on the meta device."""
    table = {key: value for key, value in NEXT_DIT.net.items() if key != "name"}
    with torch.device("meta"):
        net = NextDiT(**table).make()
        names = as_published(_shapes(table))
    wanted = {name: tuple(weight.shape) for name, weight in net.state_dict().items()}
    from vesalius.weights.rules import Piece, Renaming

    state = Renaming({name: Piece(tensor, name) for name, tensor in names.items()}, wanted)
    for rule in NEXT_DIT.keymap.rules:
        rule.apply(state)
    assert {name: tuple(part.tensor.shape) for name, part in state.parts.items()} == wanted


def _shapes(table):
    from diffusers import LuminaNextDiT2DModel

    return LuminaNextDiT2DModel(
        patch_size=table["patch"], in_channels=4, hidden_size=table["width"], num_layers=table["depth"],
        num_attention_heads=table["heads"], num_kv_heads=table["kv_heads"], cross_attention_dim=table["text_width"],
    ).state_dict()  # fmt: skip
