import pytest

from vesalius.errors import ConfigError
from vesalius.nets.net import Net
from vesalius.nets.table import NETS
from vesalius.weights.layouts.layout import Layout
from vesalius.weights.layouts.table import LAYOUTS, layout_named


@pytest.mark.parametrize("name", LAYOUTS.names())
def test_every_name_is_a_layout_of_a_network_that_exists(name):
    layout = layout_named(name)
    assert isinstance(layout, Layout)
    assert layout.about
    if layout.net:
        sizes = {key: value for key, value in layout.net.items() if key != "name"}
        assert isinstance(NETS.get(layout.net["name"]).build(**sizes), Net)
    else:
        assert name == "vesalius"


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match="no such layout; did you mean 'meddinov3'"):
        layout_named("medino3")
