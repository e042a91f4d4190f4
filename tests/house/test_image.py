"""The Dockerfile copies what is there and installs extras that exist; nothing is built here."""

import re
import tomllib


def test_the_image_is_made_of_files_and_extras_that_exist(repository):
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE) for name in line.split()[:-1]}
    assert copied >= {"src", "pyproject.toml", "constraints.txt"}
    assert all((repository / name).exists() for name in copied)
    kept = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in kept if line.startswith("!")} == copied
    extras = re.search(r"^ARG EXTRAS=(.*)", text, re.MULTILINE)[1].split(",")
    assert "nets" in extras
    assert set(extras) <= set(project["optional-dependencies"])
    for version in re.findall(r"^FROM python:3\.(\d+)-slim", text, re.MULTILINE):
        assert int(version) >= int(re.fullmatch(r">=3\.(\d+)", project["requires-python"])[1])
        assert int(version) < 14  # see docs/platforms.md
    assert re.search(r"^USER vesalius$", text, re.MULTILINE)
    script = next(iter(project["scripts"]))
    assert f'ENTRYPOINT ["{script}"]' in text
