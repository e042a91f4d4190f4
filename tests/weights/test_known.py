import re

import pytest

from vesalius.errors import ConfigError
from vesalius.nets.table import NETS
from vesalius.weights.checkpoint import _READERS
from vesalius.weights.known import KNOWN, known_model
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
