"""The sim's people again, seen without any mistake: the joints themselves, projected.

Perception that errs hides people behind its own noise, and in small pictures it errs much. Here
the same people walk the same ways before a camera that knows every joint, as sensors of depth
nearly do: the hardest test of what retargeting lets through. No picture is rendered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mizaru.errors import SimError
from mizaru.lab.audit.contract import Visit
from mizaru.lab.audit.real import Stay, before, visit
from mizaru.lab.audit.visits_file import keep, kept
from mizaru.lab.audit.visits_sim import WARM_UP, Task, attributes, identity, scene
from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.sim import perform
from mizaru.vocabulary import Behavior
from mizaru.wire.messages import GRID_MS

DATASET: Final = "exact"
HEIGHT_PX: Final = 1080


def file(task: Task, cache: Path) -> Path:
    """Where the visit lies in the cache."""
    place = task.file(cache)
    return place.with_name(f"{place.stem}-exact.npz")


def make(task: Task, cache: Path) -> None:
    """Play one visit and keep its joints; nothing to do where they are kept already.

    Raises:
        DataError, StorageFullError: the cache cannot be written.
    """
    place = file(task, cache)
    if not place.exists():
        motion = perform(scene(task), fps=1000 / GRID_MS)
        keep(
            place,
            {
                "joints": motion.joints[WARM_UP:],
                "behaviors": np.array([str(word) for word in motion.behaviors[WARM_UP:, 0]]),
            },
        )


def load(task: Task, cache: Path) -> Visit:
    """A visit that was made.

    Raises:
        DataError: it cannot be read.
        SimError: nobody was seen in it.
    """
    data, scenario = kept(file(task, cache)), scene(task)
    plan, camera = task.plan, scenario.camera[0]
    aspect = scenario.size[0] / scenario.size[1]
    across = 2 * np.degrees(np.arctan(np.tan(np.radians(camera.fov) / 2) * aspect))
    eye = Eye.at(
        camera.position,
        camera.look_at,
        fov_deg=float(across),
        aspect=aspect,
        height_px=HEIGHT_PX,
    )
    motion = Motion(
        name=scenario.title,
        source="sim",
        licence="Apache-2.0",
        fps=1000 / GRID_MS,
        joints=data["joints"],
        behaviors=np.array([Behavior(w) for w in data["behaviors"].tolist()], object)[:, None],
        people=(f"sim:p{task.person:03d}",),
    )
    seen = before(motion, eye)
    if seen is None:
        raise SimError(
            f"{scenario.title}: nobody walks before the camera; change the recipe's seed"
        )
    stay = Stay(DATASET, f"p{task.person:03d}", plan.session, f"room{plan.room}{'ab'[plan.camera]}")
    return visit(stay, (seen,), attributes(identity(task), plan))
