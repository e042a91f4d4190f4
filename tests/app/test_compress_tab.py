import pytest

pytest.importorskip("gradio")

from app.blocks import components
from vesalius.app.compress_tab import compress_tab
from vesalius.app.compressing import TARGETS


def test_every_target_can_be_chosen(tmp_path):
    shown = components(tmp_path, compress_tab)
    assert [value for _, value in shown["compress-target"].choices] == list(TARGETS)
    assert not shown["compress-psnr"].visible
