"""Results as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def as_json(value: Any) -> Any:
    """Return a value as JSON knows it: dataclasses become objects, NaN and infinities null, other objects text.

    Example:
        >>> as_json({"psnr_db": float("inf"), "shape": (3, 4)})
        {'psnr_db': None, 'shape': [3, 4]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.metadata.get("json", field.name): as_json(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, which is not imported here
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
