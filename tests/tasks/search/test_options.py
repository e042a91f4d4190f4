import pytest

from vesalius.errors import UsageError
from vesalius.tasks.search.options import SearchOptions


def test_at_least_one_case():
    assert SearchOptions().top_k == 5
    with pytest.raises(UsageError, match="--top-k: 0 was given; give 1 or more"):
        SearchOptions(top_k=0)
