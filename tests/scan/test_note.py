import copy
import pickle
from pathlib import Path

import numpy as np

from vesalius.scan.note import Contradiction, Note, level_of, lost_line, lost_lines, noting, plain
from vesalius.scan.scan import Scan


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


def test_a_scan_names_what_it_may_lack_once():
    first = noting(
        lambda: Scan.from_array(np.zeros((2, 2, 2)), problems=("other",)), [Path("b/2.dcm"), Path("a/1.dcm")]
    )
    second = noting(first, [Path(f"{n}.dcm") for n in range(7)])
    line = "2 files in its folder cannot be read and may be of this scan: 1.dcm, 2.dcm"
    assert first().problems == ("other", line)
    more = "7 files in its folder cannot be read and may be of this scan: 0.dcm, 1.dcm, 2.dcm, 3.dcm, 4.dcm and 2 more"
    assert second().problems == ("other", more)
    assert lost_lines(second().problems) == [more]


def test_nothing_lost_says_nothing():
    def open_scan():
        return Scan.from_array(np.zeros((2, 2, 2)))

    assert noting(open_scan, []) is open_scan


def test_a_header_that_travels_holds_no_name_of_a_file():
    assert plain(lost_line(["DOE_JOHN.dcm"])) == "1 file in its folder cannot be read and may be of this scan"
