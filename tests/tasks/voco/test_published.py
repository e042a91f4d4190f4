"""What the published losses learn on volumes whose voxels say where they lie, and what a collapse looks like."""

import pytest

from tasks.voco.small import make_volumes, table
from vesalius.errors import TrainingError
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob
from vesalius.training.loop import Loop


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_volumes(tmp_path_factory.mktemp("volumes"), patients=16)
