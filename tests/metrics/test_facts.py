import pytest

from vesalius.metrics.facts import age_of, group_of, plain, sex_of, view_of


@pytest.mark.parametrize(
    ("written", "years"),
    [(55, 55.0), (55.5, 55.5), ("055Y", 55.0), ("18M", 1.5), ("0", 0.0), (414, None), ("old", None), (True, None)],
)
def test_ages_as_sources_write_them(written, years):
    assert age_of({"age": written}) == years


def test_sex_and_view():
    assert [sex_of({"sex": word}) for word in ("F", "male", "Female ", "O", "")] == ["F", "M", "F", None, None]
    assert (view_of({"view": " pa"}), view_of({}), view_of({"view": ""})) == ("PA", None, None)
    assert plain({}) == {}


def test_bands_meet_without_gap_or_overlap():
    names = [group_of("age", float(years)) for years in range(121)]
    assert names[17:19] == ["0 to 17", "18 to 39"]
    assert list(dict.fromkeys(names)) == ["0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and older"]
    assert group_of("age", 17.9) == "0 to 17"
