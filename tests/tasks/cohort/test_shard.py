from cohort.audit.planted import manifest, sound
from vesalius.tasks.cohort.shard import lines, shard_cohort


def test_names_and_sizes(tmp_path):
    result = shard_cohort(manifest(tmp_path, sound(tmp_path)), tmp_path / "out")
    assert [file.name for file in result.shards] == ["train-000000.tar", "val-000000.tar", "test-000000.tar"]
    for file in result.shards:
        assert (tmp_path / "out" / file.name).stat().st_size == file.bytes
    assert list(lines(result))[-1] == str(tmp_path / "out")


def test_a_table_of_series_is_packed_and_what_was_done_is_told(tmp_path):
    sound(tmp_path)
    (tmp_path / "t.csv").write_text("nifti_path\tany\tsplit\ni0.nii.gz\t1\ttrain\ni1.nii.gz\t0\ttrain\n")
    result = shard_cohort(tmp_path / "t.csv", tmp_path / "out")
    assert "NIfTI text and extensions blanked: 2 file(s)" in result.notes
    assert f"note: {result.notes[-1]}" in list(lines(result))
