"""Labels of pictures whose class is a number (MedMNIST, WebDataset)."""

from __future__ import annotations

from collections.abc import Sequence


def class_labels(number: int, known: Sequence[int]) -> dict[str, float]:
    """Return the labels of a class: "positive" where two classes occur at most, else "class0", "class1", ...

    Of two classes the larger number is the positive one; where only one occurs it is positive unless it is 0.

    Args:
        number: of the class.
        known: numbers of all classes that occur, sorted.

    Example:
        >>> class_labels(0, [0]), class_labels(1, [0, 1]), class_labels(1, [0, 1, 2])
        ({'positive': 0.0}, {'positive': 1.0}, {'class0': 0.0, 'class1': 1.0, 'class2': 0.0})
    """
    if len(known) <= 2:
        return {"positive": float(number > (known[0] if len(known) == 2 else 0))}
    return {f"class{value}": float(number == value) for value in known}
