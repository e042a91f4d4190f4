from cohort.audit.planted import manifest, sound
from vesalius.tasks.cohort.shard import lines, shard_cohort


def test_names_and_sizes(tmp_path):
    result = shard_cohort(manifest(tmp_path, sound(tmp_path)), tmp_path / "out")
    assert [one["name"] for one in result["shards"]] == ["train-000000.tar", "val-000000.tar", "test-000000.tar"]
    for one in result["shards"]:
        assert (tmp_path / "out" / one["name"]).stat().st_size == one["bytes"]
    assert list(lines(result))[-1] == str(tmp_path / "out")
