import re

import pytest

from vesalius.config import from_overrides
from vesalius.errors import ConfigError
from vesalius.nets.net import build
from vesalius.nets.table import NETS
from vesalius.tasks.weights.importing import _net
from vesalius.weights.checkpoint import _READERS
from vesalius.weights.known import KNOWN, ON_REQUEST, import_command, known_model
from vesalius.weights.layouts.table import LAYOUTS


@pytest.mark.parametrize("name", KNOWN)
def test_every_one_can_be_imported_by_its_layout(name):
    known = known_model(name)
    net = LAYOUTS.get(known.layout).net
    sizes = {key: value for key, value in net.items() if key != "name"}
    sizes |= {word.partition("=")[0]: int(word.partition("=")[2]) for word in known.sizes}
    assert NETS.get(net["name"]).build(**sizes)
    assert known.files[-1].endswith(tuple(_READERS))
    assert known.revision is None or re.fullmatch("[0-9a-f]{40}", known.revision)
    assert known.licence
    assert known.about


def test_a_wrong_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'rad-dino'"):
        known_model("raddino")


def test_the_eight_of_remedis_are_given_out_on_request():
    names = [
        f"{images}-{net}-remedis-{start}" for images in ("cxr", "path") for net in ("50x1", "152x2") for start in "sm"
    ]
    assert list(ON_REQUEST) == names
    for name, asked in ON_REQUEST.items():
        layout = LAYOUTS.get(asked.layout)
        net = from_overrides(NETS.get(layout.net["name"]), asked.sizes)
        assert (net.depths, net.width) == (((3, 8, 36, 3), 4096) if "152x2" in name else ((3, 4, 6, 3), 2048))
        assert layout.images == ("xray" if name.startswith("cxr") else "colour")
        assert asked.licence
        with pytest.raises(ConfigError, match=f"^{name}: is given out on request only; request it") as caught:
            known_model(name)
        assert str(caught.value).endswith(f"{import_command('FOLDER', '...', asked.layout, asked.sizes)}`")


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_the_size_is_that_of_the_network(name):
    known = known_model(name)
    net = build(_net(known.layout, LAYOUTS.get(known.layout).net, known.sizes))
    assert sum(tensor.numel() for tensor in net.state_dict().values()) == known.numbers
