"""Values that the shell completes: models, configurations, keys, layouts, coders. None of it imports torch."""

from __future__ import annotations

from collections.abc import Iterable

import typer


def models(incomplete: str) -> list[str]:
    """Models of the zoo; paths are left to the shell."""
    from vesalius.weights.place import zoo_names

    return _begun(zoo_names(), incomplete)


def configs(incomplete: str) -> list[str]:
    """Configurations that come with the package."""
    from vesalius.tasks.train.jobs import config_names

    return _begun(config_names(), incomplete)


def overrides(context: typer.Context, incomplete: str) -> list[str]:
    """Keys of the configuration that stands before, each with "="."""
    from vesalius.cli.hints import job_of
    from vesalius.tasks.train.keys import dotted, keys_of

    keys = dotted(keys_of(job_of([str(context.params.get("config"))])) or {})
    return _begun((f"{key}=" for key in keys), incomplete)


def layouts(incomplete: str) -> list[str]:
    """Layouts of a folder of data."""
    from vesalius.cohort.build import BUILDERS

    return _begun(("auto", *BUILDERS), incomplete)


def public_models(incomplete: str) -> list[str]:
    """Names that `weights fetch` knows."""
    from vesalius.weights.known import KNOWN

    return _begun(KNOWN, incomplete)


def coders(incomplete: str) -> list[str]:
    """Names of coders."""
    from vesalius.codec.coders.table import CODERS

    return _begun(("auto", *CODERS), incomplete)


def _begun(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
