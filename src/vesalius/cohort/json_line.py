"""One object in a line of JSON: a case of a manifest, or the fields beside an image in a shard."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from vesalius.errors import ConfigError


def json_object(line: str) -> dict[str, Any]:
    """Return the object in a line of JSON.

    Raises:
        ConfigError: not an object, or a key twice.
    """
    try:
        raw = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError("is not valid JSON") from error
    if not isinstance(raw, dict):
        raise ConfigError("is not a JSON object")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ConfigError("is given twice", where=twice[:60])
    return table
