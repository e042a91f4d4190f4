from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.page import sections_of, summary_line, verdict_of

CALIBRATION = Calibration(
    classes=("any", "sub"), temperatures=(1.0, 1.0), thresholds=(0.4, None), specificity=0.9, samples=50
)
ONE = {
    "classes": {
        "any": {"probability": 0.91, "threshold": 0.4, "positive": True},
        "sub": {"probability": 0.2, "threshold": None, "positive": None},
    },
    "leading": "any",
    "top_slices": [
        {"slice": 7, "file_axis": "k", "file_index": 4, "probabilities": {"any": 0.95, "sub": 0.1}},
        {"slice": 3, "probabilities": {"any": 0.5, "sub": 0.1}},
    ],
    "warnings": ["the file does not say that it is CT"],
    "heat_map": {"shows": "logit", "class": "any", "slice": 7},
    "slices": 12,
    "slices_looked_at": 6,
    "seconds": 1.25,
}


def test_a_line():
    assert summary_line(ONE) == (
        "any 0.910 (positive), sub 0.200; most suspicious slice 7; the file does not say that it is CT"
    )


def test_sections():
    study, head, words = sections_of({"a": ONE}, {"a": {"heat": "a.heat.png"}}, {}, CALIBRATION)
    assert head.blocks[1].rows == [["a", "0.910", "0.200", "any"], ["threshold", "0.400", "-", ""]]
    assert study.blocks[0].text == "The file does not say that it is CT."
    assert study.blocks[1].file == "a.heat.png"
    assert "logit of any" in study.blocks[1].caption
    assert study.blocks[2].rows == [["7", "k = 4", "0.950", "0.100"], ["3", "-", "0.500", "0.100"]]
    assert "6 of 12 slices" in study.blocks[2].caption
    assert "Threshold" in dict(words.blocks[0].items)


def test_the_answer_in_one_line():
    calm = {"classes": {"any": {"probability": 0.1, "positive": False}, "sub": {"probability": 0.2, "positive": None}}}
    called = {"class": "mass", "classes": {"mass": {"probability": 0.7}, "none": {"probability": 0.3}}}
    assert verdict_of({"a": ONE}).words == "a: at or above the threshold any 0.91"
    assert verdict_of({"a": calm, "b": calm}).words == (
        "No finding reached its threshold in 2 studies; the highest is sub 0.20"
    )
    assert verdict_of({"a": ONE, "b": calm}).words == "1 of 2 studies reach a threshold: a any 0.91"
    assert verdict_of({"a": called}).words == "a: mass, probability 0.70"
    assert verdict_of({"a": called, "b": called}, "pictures").words == "Of 2 pictures: 2 mass"


def test_many_studies_are_not_all_drawn():
    told = sections_of({f"s{n}": ONE for n in range(30)}, {}, {}, CALIBRATION)
    assert len(told) == 26
    assert "6 more studies" in told[-2].blocks[-1].text
    assert len(sections_of({}, {}, {}, CALIBRATION)) == 2
