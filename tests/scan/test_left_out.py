from pathlib import Path

import numpy as np

from vesalius.scan.left_out import lost_line, lost_lines, noting
from vesalius.scan.note import plain
from vesalius.scan.scan import Scan


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
