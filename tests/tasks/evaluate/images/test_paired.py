import numpy as np
import pytest
from PIL import Image

from tasks.evaluate.images.making import texture
from vesalius.errors import UsageError
from vesalius.tasks.evaluate.images.paired import measure_pairs, pair_results
from vesalius.tasks.evaluate.images.pictures import read_side, sides_of


def sides(tmp_path, made, real):
    for name, pictures in (("made", made), ("real", real)):
        (tmp_path / name).mkdir()
        for file, picture in pictures.items():
            Image.fromarray(picture).save(tmp_path / name / f"{file}.png")
    return sides_of(*(read_side("", tmp_path / name) for name in ("made", "real")), None, None)


def test_equal_pictures_are_counted_and_have_no_psnr(tmp_path):
    pairs, failed = measure_pairs(
        *sides(tmp_path, {"a": texture(0), "b": texture(1)}, {"a": texture(0), "b": texture(1)})
    )
    assert not failed
    results = pair_results(pairs)
    assert results["equal_pictures"] == 2
    assert results["psnr"]["mean"] is None
    assert results["ssim"]["mean"] == 1
    assert results["ssim"]["grade"] == "excellent"


def test_other_sizes_and_missing_partners_are_listed(tmp_path):
    pairs, failed = measure_pairs(
        *sides(tmp_path, {"a": texture(0), "b": texture(1)[:9], "d": texture(2)}, {k: texture(0) for k in "abc"})
    )
    assert [pair.case for pair in pairs] == ["a"]
    assert set(failed) == {"b", "c", "d"}
    assert "the reference 3 x 24 x 24" in failed["b"].what


def test_sixteen_bits_have_the_range_of_the_reference(tmp_path):
    real = np.linspace(0, 4000, 400).reshape(20, 20).astype(np.uint16)
    pairs, _ = measure_pairs(*sides(tmp_path, {"a": real + 40}, {"a": real}))
    assert pairs[0].error.mae == 40
    assert pairs[0].error.psnr == pytest.approx(20 * np.log10(4000 / 40), abs=0.1)


def test_without_any_pair_it_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="no pair could be measured"):
        measure_pairs(*sides(tmp_path, {"a": texture(0)}, {"b": texture(0)}))
