import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import CorruptFileError
from vesalius.tasks.classify.baselines import BASELINES, Baselines, looks_of

LABELS = np.array([[1], [0]] * 20, np.float32)
XRAYS = [{"view": "AP" if n % 4 < 3 and n % 2 == 0 else "PA", "age": 20 + n, "sex": "F"} for n in range(40)]


def test_baselines_of_facts_leave_out_what_does_not_differ(tmp_path):
    baselines = Baselines.of_facts(XRAYS, LABELS, ("ill",), "sigmoid")
    assert [baseline.name for baseline in baselines.baselines] == ["view"]  # every case is F
    assert not baselines.need_looks
    scores = baselines.scores([{"view": "AP"}, {"view": "PA"}])["view"]
    assert scores[0, 0] > scores[1, 0]
    baselines.write(tmp_path)
    assert Baselines.read(tmp_path, ("ill",)) == baselines
    both = [table | {"sex": "FM"[n % 3 == 0]} for n, table in enumerate(XRAYS)]
    names = [baseline.name for baseline in Baselines.of_facts(both, LABELS, ("ill",), "sigmoid").baselines]
    assert names == ["view", "age and sex", "view, age and sex"]


def pictures(folder, mode):
    """Pictures whose size and brightness rise."""
    cases = []
    for number in range(12):
        side, value = 4 + number, 10 * number
        colour = (value, 255 - value, 7) if mode == "RGB" else value
        Image.new(mode, (side, side + 2), colour).save(folder / f"{number}.png")
        cases.append(Case(id=str(number), images={"image": f"{number}.png"}, labels={"big": float(number > 5)}))
    return Cohort(tuple(cases), folder)


@pytest.mark.parametrize(
    ("mode", "means"), [("L", ["mean intensity"]), ("RGB", ["mean red", "mean green", "mean blue"])]
)
def test_looks_are_mean_and_size_of_the_stored_pictures(tmp_path, mode, means):
    cohort = pictures(tmp_path, mode)
    looks = looks_of(cohort, "image")
    assert list(looks["3"]) == [*means, "width", "height", "area"]
    assert next(iter(looks["3"].values())) == 30
    assert [looks["3"][name] for name in ("width", "height", "area")] == [7, 9, 63]
    labels = np.array([[case.labels["big"]] for case in cohort], np.float32)
    baselines = Baselines.of_looks([*looks.values()], labels, ("big",), "sigmoid")
    (baseline,) = baselines.baselines
    assert baseline.name == ("mean intensity and size" if mode == "L" else "mean colour and size")
    assert baselines.need_looks
    assert ((baseline.scores([*looks.values()])[:, 0] > 0) == labels[:, 0]).all()
    assert list(looks_of(cohort, "image", most=4)) == ["0", "3", "6", "9"]
    (tmp_path / "3.png").write_bytes(b"no picture")
    assert "3" not in looks_of(cohort, "image")


def test_a_folder_without_baselines_has_none_and_a_damaged_file_is_one_line(tmp_path):
    assert Baselines.read(tmp_path, ("ill",)).baselines == ()
    Baselines.of_facts(XRAYS, LABELS, ("ill",), "sigmoid").write(tmp_path)
    with pytest.raises(CorruptFileError, match="belongs to other classes"):
        Baselines.read(tmp_path, ("well",))
    (tmp_path / BASELINES).write_text("{")
    with pytest.raises(CorruptFileError, match="is not readable"):
        Baselines.read(tmp_path, ("ill",))


def test_pictures_that_all_look_alike_have_no_baseline():
    looks = [{"mean intensity": 3.0, "width": 4.0}] * 4
    assert Baselines.of_looks(looks, LABELS[:4], ("ill",), "sigmoid").baselines == ()
