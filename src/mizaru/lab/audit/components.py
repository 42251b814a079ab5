"""Principal components of what attackers look at, found once for all who look at the same.

A dozen attackers learn from the same rows, each on as many components as it pleases; the
components themselves are the same for all, and finding them takes longer than most of what
comes after.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MOST: Final = 512
"""More are never asked for."""
_KEPT: Final = 6
_known: OrderedDict[bytes, Components] = OrderedDict()


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Directions of some rows, the one along which they vary most first.

    Attributes:
        mean: of the rows, shape (F,).
        axes: shape (k, F), orthonormal.
        spread: standard deviation along each, shape (k,).
    """

    mean: Floats
    axes: Floats
    spread: Floats

    def __call__(self, rows: Floats, count: int, *, whiten: bool = False) -> Floats:
        """Rows (m, F) along the first `count` axes or all there are, shape (m, ≤ count); whitened:
        with the same spread along each."""
        points = (rows - self.mean) @ self.axes[:count].T
        if whiten:
            points = points / np.maximum(self.spread[:count], 1e-6)
        return np.asarray(points, np.float32)


def components(rows: Floats) -> Components:
    """At most `MOST` of rows (n, F) without NaN; exact, so that the same rows have the same."""
    from sklearn.decomposition import PCA

    rows = np.ascontiguousarray(rows, np.float32)
    key = hashlib.blake2b(rows.tobytes(), salt=str(rows.shape[1])[:16].encode()).digest()
    found = _known.pop(key, None)
    if found is None:
        count = min(MOST, *rows.shape)
        solver = "covariance_eigh" if len(rows) >= rows.shape[1] else "full"
        model = PCA(count, svd_solver=solver).fit(rows)
        found = Components(
            model.mean_.astype(np.float32),
            model.components_.astype(np.float32),
            np.sqrt(np.maximum(model.explained_variance_, 0.0)).astype(np.float32),
        )
    _known[key] = found
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    return found
