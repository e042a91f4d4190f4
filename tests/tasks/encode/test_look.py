import numpy as np

from vesalius.scan.scan import Scan
from vesalius.tasks.encode.look import look_through
from vesalius.tasks.encode.slices import Slices
from vesalius.transforms.prepare import Prepare


def test_maps_lie_on_their_slices_and_every_slice_has_its_line():
    scan = Scan.from_array(np.random.default_rng(0).normal(size=(16, 12, 5)).astype(np.float32), np.eye(4))
    slices = Slices.of(scan, Prepare(plane="axial", layout="CJI"))
    maps = {1: np.array([[2.0, 0.0], [0.0, 0.0]]), 3: np.full((2, 2), 0.5)}
    block, files = look_through(
        scan, slices, maps, start=3, still="heat.png", name="logit of any", floor=1.0, words={1: "any 0.90"}
    )
    assert (block.slice, block.slices, block.choices) == (3, [0, 1, 2, 3, 4], [])
    assert block.words == ["not used", "any 0.90", "not used", "not used", "not used"]
    assert "slices 1, 3" in block.caption
    assert sorted(files) == ["view0.jpg", "view1.png"]
