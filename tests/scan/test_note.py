import copy
import pickle

from vesalius.scan.note import Contradiction, Note, level_of, plain


def test_a_note_is_shown_with_names_and_stored_without():
    note = Note.naming("2 files cannot be read", ["DOE^JANE.dcm", "b.dcm"])
    assert note == "2 files cannot be read: DOE^JANE.dcm, b.dcm"
    assert plain(note) == "2 files cannot be read"
    assert plain("no names here") == "no names here"


def test_five_names_are_enough():
    assert Note.naming("7 files are empty", list("abcdefg")) == "7 files are empty: a, b, c, d, e and 2 more"


def test_a_contradiction_weighs_more_than_a_note_and_can_be_copied():
    told = Contradiction("two spacings: 1 mm, 2 mm", "error", "two spacings")
    for one in (told, pickle.loads(pickle.dumps(told)), copy.deepcopy(told)):
        assert (one, level_of(one), one.kind) == ("two spacings: 1 mm, 2 mm", "error", "two spacings")
    assert level_of(Contradiction("x", "warning", "x")) == "warning"
    assert level_of("a plain sentence") == "note"
