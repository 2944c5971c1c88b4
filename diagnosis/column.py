"""A numpy column that grows."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", np.int64, np.float64, np.float32)


class Column(Generic[Scalar]):
    """A numpy column that grows. What was once seen of it never changes: rows are only appended."""

    def __init__(self, rows: npt.NDArray[Scalar]) -> None:
        self._store: npt.NDArray[Scalar] = rows
        self.length = len(rows)

    def extend(self, rows: npt.NDArray[Scalar]) -> None:
        """Appends rows; amortised constant time for each."""
        needed = self.length + len(rows)
        if needed > len(self._store):
            grown: npt.NDArray[Scalar] = np.empty(max(needed, 256, len(self._store) * 3 // 2), self._store.dtype)
            grown[: self.length] = self._store[: self.length]
            self._store = grown
        self._store[self.length : needed] = rows
        self.length = needed

    def view(self) -> npt.NDArray[Scalar]:
        """What there is now, read-only, without a copy."""
        shown: npt.NDArray[Scalar] = self._store[: self.length]
        shown.flags.writeable = False
        return shown
