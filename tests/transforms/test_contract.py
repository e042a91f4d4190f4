import numpy as np
import pytest

from vesalius.errors import InputError
from vesalius.scan.scan import Scan
from vesalius.transforms.contract import PREPROCESSOR, InputContract, read_contract, write_contract
from vesalius.transforms.normalize import Windows
from vesalius.transforms.prepare import Prepare


def scan(value):
    return Scan.from_array(np.full((4, 5, 6), value, np.float32), np.diag([1, 2, 3, 1]))


def test_channels_stand_in_the_order_of_the_contract():
    contract = InputContract(images=("t2", "t1"), prepare=Prepare(layout="CIJK"))
    array = contract.prepared({"t1": scan(1), "t2": scan(2), "flair": scan(3)})
    assert array.shape == (2, 4, 5, 6)
    assert [array[0].max(), array[1].max()] == [2, 1]


def test_a_missing_image_is_named():
    with pytest.raises(InputError, match="the model needs t1, t2; t2 missing"):
        InputContract(images=("t1", "t2")).prepared({"t1": scan(1)})


def test_an_image_that_may_be_missing_is_nan():
    contract = InputContract(images=("t1", "t2"), optional=True, prepare=Prepare(layout="CIJK"))
    array = contract.prepared({"t2": scan(3)})
    assert np.isnan(array[0]).all()
    assert (array[1] == 3).all()
    with pytest.raises(InputError, match="name at least one image"):
        contract.prepared({"flair": scan(1)})


def test_beside_a_missing_image_each_image_is_one_channel():
    """Where an image is missing, two channels of another are not mistaken for it."""
    contract = InputContract(images=("t1", "t2", "flair"), optional=True, prepare=Prepare(layout="CIJK"))
    both = Scan.from_array(np.ones((2, 1, 4, 5, 6), np.float32), np.diag([1, 2, 3, 1]))
    with pytest.raises(InputError, match="1 of 3 images are there, with 2 channels once prepared; give images of one"):
        contract.prepared({"t1": both})


def test_written_and_read(tmp_path):
    contract = InputContract(
        prepare=Prepare(layout="CIJK", spacing_mm=(1, 1, 3), values=(Windows(windows=((40, 80),)),)),
        classes=("liver", "spleen"),
    )
    write_contract(contract, tmp_path)
    assert read_contract(tmp_path) == contract


def test_a_damaged_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="no readable input contract"):
        read_contract(tmp_path)
    (tmp_path / PREPROCESSOR).write_text('{"images": 3}')
    with pytest.raises(InputError, match="no readable input contract"):
        read_contract(tmp_path)
