"""What a bootstrap draws: patients where they are known, else studies. Wherever there is an interval, it says which.

Where patients are unknown, each study counts separately. Studies of one patient resemble each other, so such an
interval may be too narrow, and the number of studies is not a number of patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Owner = tuple[str, bool]
"""Whose a row is: the name of a patient and True, or, where no patient is known, that of a study and False."""
BY_PATIENT, BY_STUDY = "by patient", "by study (patients unknown)"


@dataclass(frozen=True)
class Drawn:
    """How many are drawn.

    Args:
        known: patients.
        studies: studies whose patient is not known.

    Example:
        >>> Drawn.of([("A", True), ("A", True), ("study 7", False)]).by
        'by patient, 1 of 2 by study (patient unknown)'
        >>> Drawn(0, 12).words
        '12 studies (patients unknown)'
    """

    known: int
    studies: int = 0

    @classmethod
    def of(cls, owners: Iterable[Owner]) -> Drawn:
        """Of rows, several of which may belong to one owner."""
        kinds = [is_patient for _, is_patient in set(owners)]
        return cls(sum(kinds), len(kinds) - sum(kinds))

    @property
    def patients(self) -> int | None:
        """Their number; None where no patient is known."""
        return None if self.studies and not self.known else self.known

    @property
    def by(self) -> str:
        """The label of an interval."""
        if not self.studies:
            return BY_PATIENT
        if not self.known:
            return BY_STUDY
        return f"{BY_PATIENT}, {self.studies} of {self.known + self.studies} by study (patient unknown)"

    @property
    def words(self) -> str:
        """Of how many patients, for people."""
        studies = _count(self.studies, "study", "studies")
        if not self.studies:
            return _count(self.known, "patient", "patients")
        return (
            f"{_count(self.known, 'patient', 'patients')} and {studies} without one"
            if self.known
            else (f"{studies} ({'patient' if self.studies == 1 else 'patients'} unknown)")
        )


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
