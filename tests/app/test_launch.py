import urllib.error
import urllib.request
import warnings

import pytest

pytest.importorskip("gradio")


@pytest.fixture(scope="module")
def served():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gradio's dependencies
        import socket

        from vesalius.app.serve import serving

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with serving(port=port) as page:
            yield page
    assert not page.folder.exists()


def _get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return answer.headers, answer.read().decode()


def test_the_page_may_load_nothing_from_elsewhere_and_shows_no_path(served):
    headers, page = _get(served.url)
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert str(served.folder) not in page
    assert "fonts.googleapis" not in page
    assert page.count("Research use only, not a medical device") >= 3


def test_another_name_for_this_machine_is_refused(served):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        _get(served.url, Host="evil.example")


def test_files_of_the_machine_are_not_served(served):
    for path in ("/etc/passwd", str(served.folder / "uploads" / ".." / "..")):
        with pytest.raises(urllib.error.HTTPError, match=r"40[0-9]"):
            _get(f"{served.url}gradio_api/file={path}")
