"""The index of a store: a LanceDB table with a unit vector for each case, kept in the folder of the store.

Its folder is named after the rows that it was made of, so rows that were added, cases that were left out and patients
that were corrected make a new index, and the old one is removed. The search compares every vector: it is exact.

Letters: N cases, D width.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError, MissingExtraError, UsageError
from vesalius.output import OvertakenError, new_folder
from vesalius.tasks.encode.collection import Collection

PREFIX = "search-"
_TABLE = "cases"


@dataclass(frozen=True)
class Neighbour:
    """A similar case: its number in the cohort of the store, and the cosine similarity, from -1 to 1."""

    number: int
    similarity: float


class CaseIndex:
    """An open index.

    Args:
        table: of LanceDB.
        is_new: whether it was made now.
    """

    def __init__(self, table: Any, is_new: bool) -> None:
        self._table, self.is_new = table, is_new

    @classmethod
    def of(cls, collection: Collection) -> CaseIndex:
        """Open the index of a store, or make it where there is none of its present rows.

        Raises:
            MissingExtraError: LanceDB is not installed.
            CorruptFileError: the index is damaged.
            OutputError: it cannot be written.
        """
        if find_spec("lancedb") is None:
            raise MissingExtraError("similar-case search needs LanceDB, which is not installed", extra="search")
        import lancedb

        folder = collection.folder / f"{PREFIX}{_digest(collection)[:16]}"
        is_new = not folder.is_dir()
        if is_new:
            _make(collection, folder)
        try:
            return cls(lancedb.connect(folder).open_table(_TABLE), is_new)
        except (OSError, RuntimeError, ValueError) as error:
            fix = "remove this folder; the next search makes it again"
            raise CorruptFileError("is a damaged index", where=folder, fix=fix) from error

    def nearest(
        self, vector_D: NDArray[np.float32], count: int, case: int | None = None, patient: int | None = None
    ) -> list[Neighbour]:
        """Return the most similar cases, the most similar first; equal ones in the order of the cohort.

        Args:
            vector_D: a unit vector.
            count: at most so many cases.
            case: number of a case to leave out.
            patient: number of a patient (`Collection.patient_numbers`) whose cases are left out.
        """
        if len(vector_D) != self._width:
            raise UsageError(f"a vector of {len(vector_D)} numbers does not fit an index of {self._width}")
        kept = [f"number != {case}"] if case is not None else []
        kept += [f"(patient IS NULL OR patient != {patient})"] if patient is not None else []
        query = self._table.search(vector_D, vector_column_name="vector").distance_type("dot")
        if kept:
            query = query.where(" AND ".join(kept), prefilter=True)
        rows = query.select(["number", "_distance"]).limit(count).to_list()
        neighbours = [Neighbour(row["number"], 1 - row["_distance"]) for row in rows]
        return sorted(neighbours, key=lambda neighbour: (-neighbour.similarity, neighbour.number))

    @property
    def _width(self) -> int:
        return int(self._table.schema.field("vector").type.list_size)


def _digest(collection: Collection) -> str:
    """Return what changes with the rows, the cases and their patients."""
    facts = collection.store.facts
    lines = [facts.model_dump_json(), *(f"{collection.key(case)} {case.patient}" for case in collection.cohort)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _make(collection: Collection, folder: Path) -> None:
    """Write the index and remove those of earlier rows."""
    import lancedb
    import pyarrow as pa

    vectors_ND = collection.vectors()
    columns = {
        "number": pa.array(range(len(vectors_ND)), pa.int64()),
        "patient": pa.array(collection.patient_numbers(), pa.int64()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors_ND.ravel(), pa.float32()), vectors_ND.shape[1]),
    }
    try:
        with new_folder(folder) as part:
            lancedb.connect(part).create_table(_TABLE, pa.table(columns))
    except OvertakenError:
        return  # by another search of the same rows
    for old in collection.folder.glob(f"{PREFIX}*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
