from vesalius.scan.note import Note, plain


def test_a_note_is_shown_with_names_and_stored_without():
    note = Note.naming("2 files cannot be read", ["DOE^JANE.dcm", "b.dcm"])
    assert note == "2 files cannot be read: DOE^JANE.dcm, b.dcm"
    assert plain(note) == "2 files cannot be read"
    assert plain("no names here") == "no names here"


def test_five_names_are_enough():
    assert Note.naming("7 files are empty", list("abcdefg")) == "7 files are empty: a, b, c, d, e and 2 more"
