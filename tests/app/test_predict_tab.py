import pytest

pytest.importorskip("gradio")

from app.blocks import components
from vesalius.app.predict_tab import predict_tab


def test_the_models_of_the_zoo_can_be_chosen(tmp_path):
    model = components(tmp_path, predict_tab)["predict-model"]
    names = [name for name, _ in model.choices]
    assert {"detect/head_ct_phantom", "finetune/cxr_pneumonia", "segment/cine_segresnet"} <= set(names)
    assert model.value == names[0]
