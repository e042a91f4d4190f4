from pathlib import Path

import pytest

from vesalius.errors import UsageError
from vesalius.tasks.embed.run import embed
from vesalius.tasks.encode.options import EmbedOptions


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("scan.nii", {"pool": "mean"}, "--pool: does not apply, one scan was given"),
        ("scan.nii", {"endpoints": True}, "--endpoints: does not apply, one scan was given"),
        ("scan.nii", {"project": "umap"}, "--project: does not apply, one scan was given"),
        ("m.jsonl", {"slice": 3}, "--slice: does not apply, a manifest was given"),
        ("m.csv", {"patch": (0, 0)}, "--patch: does not apply, a manifest was given"),
    ],
)
def test_options_of_a_scan_and_of_a_manifest(tmp_path, path, options, message):
    with pytest.raises(UsageError, match=message):
        embed(Path(path), tmp_path / "out", "model", EmbedOptions(**options))
    assert not (tmp_path / "out").exists()
