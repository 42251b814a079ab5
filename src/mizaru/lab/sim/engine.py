"""The one place that imports MuJoCo: it must be told how to render before it is imported.

Wraps what a missing package or a missing OpenGL library raises.
"""

from __future__ import annotations

import ctypes.util
import os

from mizaru.errors import SimError

# Off-screen on the CPU by default; who has a GPU may set MUJOCO_GL=egl. Without OSMesa people
# still move, only pictures cannot be made.
if "MUJOCO_GL" not in os.environ:
    os.environ["MUJOCO_GL"] = "osmesa" if ctypes.util.find_library("OSMesa") else "disable"

try:
    import mujoco
except (ImportError, AttributeError) as _error:
    raise SimError(
        f"the sim cannot start ({_error}); install the extra, pip install 'mizaru[lab]', "
        "and OSMesa, apt-get install libosmesa6"
    ) from None

__all__ = ["mujoco"]
