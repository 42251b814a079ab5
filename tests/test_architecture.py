"""The folders are the diagram: import rules hold, and each half stands without the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLOUD_ONLY = ("fastapi", "uvicorn", "sqlalchemy", "pydantic")
EDGE_ONLY = ("cv2", "av", "ai_edge_litert", "scipy")
LAB_ONLY = ("mujoco", "dm_control", "torch")


def test_import_rules_hold(root: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("mizaru.edge.main", CLOUD_ONLY + LAB_ONLY + ("onnxruntime", "openvino")),
        ("mizaru.edge.darkroom", CLOUD_ONLY + LAB_ONLY + ("onnxruntime", "openvino")),
        ("mizaru.cloud.main", EDGE_ONLY + LAB_ONLY + ("onnxruntime",)),
        ("mizaru.wire.session", CLOUD_ONLY + EDGE_ONLY + LAB_ONLY),
        ("mizaru.proxy", CLOUD_ONLY + EDGE_ONLY + LAB_ONLY),
        ("mizaru.cli", (*LAB_ONLY, "cv2", "av", "ai_edge_litert", "fastapi", "sqlalchemy")),
    ],
)
def test_each_half_imports_without_the_others_libraries(
    module: str, absent: tuple[str, ...]
) -> None:
    program = f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\nimport {module}\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
