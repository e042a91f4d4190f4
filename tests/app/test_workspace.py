import stat

from vesalius.app.workspace import Workspace


def test_only_the_owner_may_enter_and_everything_goes(tmp_path):
    space = Workspace(tmp_path)
    folders = [space.fresh("one", "predict"), space.fresh("other", "predict"), space.uploads]
    for folder in (space.root, *folders):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folders[0] / "scan").write_text("x")
    space.close()
    assert list(tmp_path.iterdir()) == []


def test_a_new_job_of_a_tab_replaces_the_last_and_leaving_removes_all_of_a_session(tmp_path):
    space = Workspace(tmp_path)
    first, other, kept = space.fresh("me", "predict"), space.fresh("me", "compress"), space.fresh("you", "predict")
    second = space.fresh("me", "predict")
    assert not first.exists()
    assert second.exists()
    assert second.name != first.name
    space.leave("me")
    assert not second.exists()
    assert not other.exists()
    assert kept.exists()
