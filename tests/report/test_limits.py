from vesalius.report.limits import limits_line, limits_section


def test_one_warning_and_one_line():
    caveats = ("Trained on drawings only.", "Not for children.")
    (block,) = limits_section(caveats).blocks
    assert (block.tone, block.text) == ("warning", "Trained on drawings only. Not for children.")
    assert limits_line(caveats) == "warning: limits of the model: Trained on drawings only. Not for children."
