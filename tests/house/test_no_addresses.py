"""Nothing that is committed knows a machine or a package index."""

import re

from house.files import ROOT, committed_files, shown

# Written in pieces, so that this file does not hold what it looks for.
_HOMES = ("home", "root", "Users", "work", "mnt", "media", "opt", "srv")
_INDEXES = ("pypi" + ".org", "pythonhosted" + ".org", "download.pytorch" + ".org", "conda" + ".anaconda.org")
_OPTIONS = ("--index" + "-url", "--extra-index" + "-url", "--trusted" + "-host")

ADDRESS = re.compile(
    r"(?<![\w.\-:/~{}])/(?:" + "|".join(_HOMES) + r")/[\w.-]+"
    r"|\b[A-Za-z]:\\+Users\\+\w+"
    r"|" + "|".join(re.escape(word) for word in (*_INDEXES, *_OPTIONS))
)


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return path.read_bytes().decode("latin-1")


def test_the_pattern_finds_what_it_must():
    for bad in ("see /ho" + "me/anna/data", '"/ro' + 'ot/x"', "C:\\Us" + "ers\\anna", "https://pypi" + ".org/simple"):
        assert ADDRESS.search(bad), bad
    for good in ("usr/bin/env", "../shared/data", "docs/root/x.md", "https://example.org/home/page"):
        assert not ADDRESS.search(good), good


def test_no_committed_file_holds_a_machine_path_or_an_index_address():
    found = {}
    for path in committed_files():
        hit = ADDRESS.search(_text(path))
        if hit:
            found[shown(path)] = hit.group()
    assert found == {}


def test_no_lock_file_is_committed():
    names = {path.name for path in committed_files()}
    assert names & {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml"} == set()


def test_this_checkout_is_not_named_in_it():
    if len(ROOT.parts) < 3:
        return
    assert [shown(path) for path in committed_files() if str(ROOT) in _text(path)] == []
