import numpy as np

from vesalius.versions import installed


def test_versions_of_packages():
    assert installed("numpy") == np.__version__
    assert installed("no-such-package") is None
