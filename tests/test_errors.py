import inspect
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius import errors
from vesalius.errors import InputError, MissingExtraError, UsageError, VesaliusError


def test_the_three_parts():
    error = InputError("is cut short", where=Path("a.nii"), fix="copy it again")
    assert str(error) == "a.nii: is cut short; copy it again"
    assert (error.what, error.where, error.fix) == ("is cut short", "a.nii", "copy it again")
    assert str(UsageError("wrong")) == "wrong"
    assert str(UsageError("wrong", where="--psnr")) == "--psnr: wrong"


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_always_one_line(what, where, fix):
    assert len(str(VesaliusError(what, where=where, fix=fix)).splitlines()) <= 1


def test_every_error_is_a_vesalius_error():
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]
    assert len(classes) == 10
    assert all(issubclass(one, VesaliusError) for one in classes)


def test_a_missing_extra_names_the_command():
    with pytest.raises(VesaliusError, match=r"torch is missing; install it with: .*pip install 'vesalius\[nets\]'"):
        raise MissingExtraError("torch is missing", extra="nets")
    reason = MissingExtraError("torch is missing", extra="nets").reason  # of reports: no path of this machine
    assert reason == "torch is missing; install it with: pip install 'vesalius[nets]'"


@given(st.text(max_size=2000), st.none() | st.text(max_size=2000), st.none() | st.text(max_size=2000))
def test_no_line_is_longer_than_500_characters_or_unprintable(what, where, fix):
    line = str(VesaliusError(what, where=where, fix=fix))
    assert len(line) <= 500
    line.encode("utf-8")
    assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in line)


def test_a_long_line_keeps_both_ends_of_each_part_and_the_fix():
    line = str(InputError("x" * 300 + "y" * 300, where="/a" * 200 + "/scan.nii", fix="copy the file again"))
    assert len(line) == 500
    assert line.startswith("/a/a")
    assert "/scan.nii: xxx" in line
    assert line.endswith("yyy; copy the file again")
    assert line.count(" ... ") == 2


def test_a_name_that_is_not_utf8_is_escaped():
    assert str(InputError("no such file", where="b\udcff\x1b[31m.nii\0")) == (r"b\udcff\x1b[31m.nii\x00: no such file")
