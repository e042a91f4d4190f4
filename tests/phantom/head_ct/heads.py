"""Small head CT phantoms for tests, each made once."""

from functools import cache

from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.phantom.head_ct.study import HeadCtStudy, head_ct_study

NOBODY = {"any": 0, "epidural": 0, "intraparenchymal": 0, "intraventricular": 0, "subarachnoid": 0, "subdural": 0}


def small(**values) -> HeadCtOptions:
    return HeadCtOptions.build(**{"matrix": 112, "slices": 28, "thickness_mm": 5.5, **values})


@cache
def bleeding(
    name: str, volume_ml: float = 12.0, hu: float = 65.0, patient: int = 3, pattern: str | None = None
) -> HeadCtStudy:
    wanted = {"type": name, "volume_ml": volume_ml, "hu": hu, "pattern": pattern}
    return head_ct_study(small(bleeds=[wanted]), patient)


@cache
def healthy(patient: int = 3) -> HeadCtStudy:
    return head_ct_study(small(bleeds=[]), patient)
