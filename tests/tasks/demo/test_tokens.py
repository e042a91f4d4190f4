import io

import numpy as np
import pytest
from PIL import Image

from vesalius.codec.decode import open_vsl
from vesalius.report.result import Result
from vesalius.scan.open import open_scan
from vesalius.tasks.demo import tokens


def test_three_files_move_side_by_side(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "scans").mkdir()
    result, told = Result(), []
    tokens.show_tokens(result, tmp_path, 1, told.append)
    (section,) = result.sections
    assert told == [section.title]
    (film,) = (block for block in section.blocks if block.kind == "viewer")
    assert [pane.title for pane in film.panes] == ["original", "lossless", "lossy", "tokens"]
    scan = open_scan(tmp_path / "scans" / "beat.nii.gz")
    assert len(film.frames) == scan.shape[1]
    sizes = {}
    for pane in film.panes[1:]:
        path = tmp_path / "scans" / f"beat-{pane.title}.vsl"
        sizes[pane.title] = path.stat().st_size
        assert pane.lines[0].startswith(f"{sizes[pane.title]:,} bytes")
    assert sizes["tokens"] < sizes["lossy"] < sizes["lossless"]
    assert 2 * scan.voxels / sizes["tokens"] >= tokens.RATIO
    assert open_vsl(tmp_path / "scans" / "beat-tokens.vsl").tier.name == "tokens"
    sheet = np.asarray(Image.open(io.BytesIO(result.figures[film.panes[3].sheets[0]]))).astype(float)
    rows = [sheet[top : top + film.height] for top in range(0, len(sheet), film.height)]
    assert (rows[0] - rows[1]).std() > 2  # something beats


def test_without_torch_two_files_move_beside_the_original(tmp_path, monkeypatch):
    (tmp_path / "scans").mkdir()
    monkeypatch.setattr(tokens, "NEEDS", "no_such_package_at_all")
    result = Result()
    tokens.show_tokens(result, tmp_path, 1, print)
    (film,) = (block for block in result.sections[0].blocks if block.kind == "viewer")
    assert [pane.title for pane in film.panes] == ["original", "lossless", "lossy"]
