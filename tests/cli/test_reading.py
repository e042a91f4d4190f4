import pytest
import typer
from typer.testing import CliRunner

from vesalius.cli.reading import reads
from vesalius.errors import UsageError
from vesalius.scan.reading import AS_STATED, Reading


def _chosen(*arguments: str) -> Reading:
    seen = []
    app = typer.Typer()

    @app.command()
    @reads
    def verb(path: str, reading: Reading = AS_STATED, quiet: bool = False) -> None:
        assert (path, quiet) == ("x", False)
        seen.append(reading)

    result = CliRunner().invoke(app, ["x", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_every_choice_has_an_option():
    assert _chosen() == AS_STATED
    given = ["--series", "1.2", "--orientation", "coronal", "--assume-rescale", "2,-1024.5", "--spacing-from", "pixdim"]
    assert _chosen(*given) == Reading("1.2", "coronal", (2.0, -1024.5), "pixdim")


@pytest.mark.parametrize("text", ["1", "1,2,3", "0,5", "nan,1", "1,inf", "a,b"])
def test_a_rescaling_is_two_numbers(text):
    with pytest.raises(UsageError, match=r"--assume-rescale: .* write for instance 1,-1024"):
        _chosen("--assume-rescale", text)
