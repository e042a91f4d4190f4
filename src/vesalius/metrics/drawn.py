"""What a bootstrap draws: patients where they are known, else studies. Each interval says which.

Where patients are unknown, each study counts separately. Studies of one patient resemble each other, so such an
interval may be too narrow, and the number of studies is not a number of patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Owner = tuple[str, bool]
"""Owner of a row: a patient's id and True, or, where no patient is known, a study's id and False."""
BY_PATIENT, BY_STUDY = "by patient", "by study (patients unknown)"


@dataclass(frozen=True)
class Drawn:
    """Number of patients and studies that are drawn.

    Args:
        known: known patients.
        studies: studies of unknown patients.

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
        """Count the owners of rows, several of which may have one owner."""
        kinds = [is_patient for _, is_patient in set(owners)]
        return cls(sum(kinds), len(kinds) - sum(kinds))

    @property
    def patients(self) -> int | None:
        """Number of patients; None where no patient is known."""
        return None if self.studies and not self.known else self.known

    @property
    def by(self) -> str:
        """Label of an interval."""
        if not self.studies:
            return BY_PATIENT
        if not self.known:
            return BY_STUDY
        return f"{BY_PATIENT}, {self.studies} of {self.known + self.studies} by study (patient unknown)"

    @property
    def words(self) -> str:
        """Number of patients, in words."""
        patients = f"{self.known} {'patient' if self.known == 1 else 'patients'}"
        if not self.studies:
            return patients
        studies = f"{self.studies} {'study' if self.studies == 1 else 'studies'}"
        if self.known:
            return f"{patients} and {studies} without one"
        return f"{studies} ({'patient' if self.studies == 1 else 'patients'} unknown)"
