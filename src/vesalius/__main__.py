"""`python -m vesalius`."""

from vesalius.cli.main import run

run()
