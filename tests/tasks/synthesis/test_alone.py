import json

import numpy as np
import pytest

from vesalius.errors import InputError, UsageError
from vesalius.scan.synthetic import mask_digest
from vesalius.tasks.generate.generator import Generator
from vesalius.tasks.synthesis.alone import planned_alone
from vesalius.tasks.synthesis.settings import SynthesisSettings


@pytest.fixture(scope="module")
def generator(model):
    return Generator(model)


def test_further_pictures_take_further_seeds(generator, tmp_path):
    mask = np.ones((16, 16), np.int16)
    settings = SynthesisSettings(seed=5, count=3, format="nii.gz")
    plans = list(planned_alone(generator, tmp_path, "A bright disc!", mask, settings))
    assert [plan.path.name for plan in plans] == [f"a-bright-disc_{seed}.nii.gz" for seed in (5, 6, 7)]
    stamp = plans[1].stamp
    assert (stamp.caption, stamp.seed, stamp.mask_sha256) == ("A bright disc!", 6, mask_digest(mask))
    assert (stamp.model, stamp.model_digest) == ("discs", generator.digest)
    assert json.loads(stamp.sampling)["steps"] == 10
    work = plans[1].load()
    assert (work.request.seed, work.mask_path) == (6, tmp_path / "masks" / "a-bright-disc_6.nii.gz")
    np.testing.assert_array_equal(work.mask_JI, mask)


def test_what_the_model_cannot_make_is_refused_before_anything_is_sampled(generator, tmp_path):
    for mask, settings, error, says in (
        (np.ones((16, 24), np.int16), SynthesisSettings(size=(16, 16)), InputError, "do not have the shape"),
        (np.full((16, 16), 3, np.int16), SynthesisSettings(), InputError, "a mask holds 3"),
        (None, SynthesisSettings(size=(15, 16)), UsageError, "does not make pictures of 15 rows"),
    ):
        with pytest.raises(error, match=says):
            list(planned_alone(generator, tmp_path, "", mask, settings))
    with pytest.raises(UsageError, match="a caption of 10000 characters is too long"):
        list(planned_alone(generator, tmp_path, "x" * 10_000, None, SynthesisSettings()))
