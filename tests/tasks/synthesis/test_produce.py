from functools import partial

import numpy as np
import pytest

from vesalius.errors import InputError, OutputError
from vesalius.scan.synthetic import Stamp, read_stamp, write_synthetic
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.synthesis.produce import Planned, Work, check_free, produce
from vesalius.tasks.synthesis.settings import SynthesisSettings
from vesalius.wording import quiet

SETTINGS = SynthesisSettings(steps=1, sampler="euler", batch=2)


@pytest.fixture(scope="module")
def generator(model):
    return Generator(model)


def planned(folder, numbers, **changes):
    for number in numbers:
        stamp = Stamp("m", "d", "a disc", number)
        work = Work(folder / f"{number}.png", Request(seed=number, **changes), stamp)
        yield Planned(f"case {number}", work.path, stamp, partial(lambda work: work, work))


def test_pictures_are_made_in_their_order_and_finished_ones_skipped(generator, tmp_path):
    heard = []
    first = produce(generator, list(planned(tmp_path, range(5))), SETTINGS, progress=heard.append)
    assert (first.made, first.skipped, first.failed) == (5, 0, [])
    assert heard[-1] == "5 of 5 pictures"
    assert [read_stamp(tmp_path / f"{number}.png").seed for number in range(5)] == list(range(5))
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / "3.png").unlink()
    again = produce(generator, list(planned(tmp_path, range(5))), SETTINGS, progress=quiet)
    assert (again.made, again.skipped) == (1, 4)
    changed = [path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns != times[path.name]]
    assert changed == ["3.png"]


def test_what_fails_is_listed_and_the_rest_goes_on(generator, tmp_path):
    def broken():
        raise InputError("cannot be read", where="/secret/place")

    stamp = Stamp("m", "d", "", 0)
    plans = [Planned("case 9", tmp_path / "9.png", stamp, broken), *planned(tmp_path, [1])]
    plans += planned(tmp_path, [2], mask=np.full((16, 16), 5))
    found = produce(generator, plans, SETTINGS, progress=quiet)
    assert found.made == 1
    assert found.failed[0] == {"path": "case 9", "error": "case 9: cannot be read"}
    assert found.failed[1]["error"].startswith("case 2: a mask holds 5")
    assert set(found.done) == {tmp_path / "1.png"}


def test_files_of_other_origin_are_not_replaced(generator, tmp_path):
    plans = list(planned(tmp_path, [1]))
    check_free(plans)
    (tmp_path / "1.png").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already and is not the picture that would be written"):
        check_free(plans)
    (tmp_path / "1.png").unlink()
    write_synthetic(tmp_path / "1.png", np.zeros((8, 8, 3), np.uint8), Stamp("m", "another model", "a disc", 1))
    with pytest.raises(OutputError, match="exists already"):
        check_free(plans)
    with pytest.raises(OutputError, match="exists already"):
        produce(generator, plans, SETTINGS, progress=quiet)
    assert produce(generator, plans, SETTINGS, force=True, progress=quiet).made == 1
    assert read_stamp(tmp_path / "1.png").model_digest == "d"


def test_a_picture_without_its_mask_is_not_finished(tmp_path):
    stamp = Stamp("m", "d", "", 0)
    mask = np.zeros((8, 8), np.uint8)
    work = Work(tmp_path / "x.png", Request(), stamp, tmp_path / "m.png", mask)
    write_synthetic(work.path, np.zeros((8, 8, 3), np.uint8), stamp)
    assert not work.is_finished
    work.write(np.zeros((8, 8, 3), np.uint8), force=True)
    assert work.is_finished
    assert read_stamp(work.mask_path) == stamp
    work.mask_path.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"m\.png: exists already"):
        work.write(np.zeros((8, 8, 3), np.uint8))
