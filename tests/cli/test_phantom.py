def test_head_ct(vesalius, tmp_path):
    words = ["--patients", 1, "matrix=64", "slices=10", "thickness_mm=12", "--json"]
    done = vesalius("phantom", "head-ct", "-o", tmp_path / "out", *words)
    assert (done.code, done.told["patients"], done.err) == (0, 1, "")
    assert (tmp_path / "out" / "series.csv").exists()


def test_cine(vesalius, tmp_path):
    done = vesalius(
        "phantom", "cine", "-o", tmp_path / "out", "--patients", 1, "--seed", 3, "size=64", "frames=8", "--json", "-q"
    )
    assert (done.code, done.err) == (0, "")
    assert done.told["groups"] == {"NOR": 1}
    assert (tmp_path / "out" / "patient001" / "Info.cfg").exists()
    assert "exists already" in vesalius("phantom", "cine", "-o", tmp_path / "out", "size=64", "frames=8").error
    assert "is not of the form key=value" in vesalius("phantom", "cine", "-o", tmp_path / "x", "size").error
