"""A constant-velocity Kalman filter of a body's place and size in the image."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

# In body sizes (and body sizes a second): what is far away moves fewer pixels.
_POSITION_NOISE: Final = 0.03
_SIZE_NOISE: Final = 0.06
_ACCELERATION: Final = 3.0
_SIZE_ACCELERATION: Final = 1.0
_FIRST_SPEED: Final = 0.7
_LOST_DAMPING_S: Final = 0.5  # a lost person is not assumed to walk on for ever


class Kalman:
    """State (x, y, size, their speeds), pixels and seconds."""

    def __init__(self, x: float, y: float, size: float) -> None:
        self._state = np.array([x, y, size, 0.0, 0.0, 0.0])
        position, scale, speed = _POSITION_NOISE * size, _SIZE_NOISE * size, _FIRST_SPEED * size
        self._covariance = np.diag([position, position, scale, speed, speed, speed / 2]) ** 2

    @property
    def place(self) -> tuple[float, float, float]:
        """(x, y, size), pixels."""
        x, y, size = map(float, self._state[:3])
        return x, y, max(size, 1.0)

    @property
    def speed(self) -> tuple[float, float]:
        """Pixels a second."""
        return float(self._state[3]), float(self._state[4])

    def predict(self, dt: float, *, lost: bool) -> None:
        """Move on by `dt` seconds."""
        step = np.eye(6)
        step[:3, 3:] = np.eye(3) * dt
        if lost:
            step[3:, 3:] *= np.exp(-dt / _LOST_DAMPING_S)
        size = self.place[2]
        jerk = np.array([_ACCELERATION, _ACCELERATION, _SIZE_ACCELERATION]) * size
        noise = np.zeros((6, 6))
        for k, a in enumerate(jerk):
            noise[k, k], noise[k, k + 3] = a * a * dt**4 / 4, a * a * dt**3 / 2
            noise[k + 3, k], noise[k + 3, k + 3] = a * a * dt**3 / 2, a * a * dt**2
        self._state = step @ self._state
        self._covariance = step @ self._covariance @ step.T + noise

    def update(self, x: float, y: float, size: float) -> None:
        """Correct by an observation."""
        gain = self._covariance[:, :3] @ np.linalg.inv(self._innovation())
        self._state = self._state + gain @ (np.array([x, y, size]) - self._state[:3])
        keep = np.eye(6)
        keep[:, :3] -= gain
        covariance = keep @ self._covariance
        self._covariance = (covariance + covariance.T) / 2

    def distance(self, x: float, y: float, size: float) -> float:
        """Squared Mahalanobis distance of an observation (three degrees of freedom)."""
        error = np.array([x, y, size]) - self._state[:3]
        return float(error @ np.linalg.solve(self._innovation(), error))

    def _innovation(self) -> Matrix:
        size = self.place[2]
        noise = np.diag([_POSITION_NOISE, _POSITION_NOISE, _SIZE_NOISE]) * size
        return np.asarray(self._covariance[:3, :3] + noise**2)
