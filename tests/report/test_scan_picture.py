import matplotlib.pyplot as plt
import numpy as np
import pytest

from vesalius.errors import UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan


def _cine(frames=4, k=5):
    values = np.arange(frames * 6 * 7 * k, dtype=np.int16).reshape(1, frames, 6, 7, k)
    return Scan.from_array(values, np.diag([1.0, 1.0, 2.0, 1.0]), modality="MR", t_meaning="time")


def test_a_volume_shows_three_planes_whose_axes_are_named():
    scan = _cine()
    figure = scan.plot((0, 100), t=1)
    assert [axes.get_title() for axes in figure.axes] == ["axial, K 2", "coronal, J 3", "sagittal, I 3"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["I (R to L)", "I (R to L)", "J (A to P)"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["J (P to A)", "K (I to S)", "K (I to S)"]
    shown = figure.axes[0].images[0].get_array()  # rows from anterior, columns from the right
    values = np.clip(scan.values()[0, 1, ::-1, ::-1, 2].T, 0, 100)
    assert np.abs(np.asarray(shown, float) - values * 2.55).max() <= 0.51
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert not plt.get_fignums()


def test_a_scan_without_geometry_shows_its_slice():
    (axes,) = Scan.from_array(np.zeros((4, 5, 6), np.uint8)).plot().axes
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("slice, K 3", "I", "J")


def test_a_wrong_frame_or_window_is_refused():
    for arguments in ({"t": 4}, {"window": (3, 1)}, {"window": "brain"}):
        with pytest.raises(UsageError):
            _cine().plot(**arguments)


def test_a_notebook_gets_facts_pictures_and_a_player_that_need_no_network():
    html = _cine()._repr_html_()
    assert "&lt;Scan MR (C 1, T 4, I 6, J 7, K 5) int16, 1 x 1 x 2 mm, RAS, T is time&gt;" in html
    assert html.count("<iframe") == html.count('<img style="max-width: 100%" src="data:image/png;base64,') == 1
    assert "http" not in html.replace("http-equiv", "")
    assert "<iframe" not in _cine(frames=1)._repr_html_()
    unknown = Scan.from_array(np.zeros((4, 5, 6)), intensity=Intensity.linear(np.nan, 0))
    assert "no picture: real values are unknown" in unknown._repr_html_()
