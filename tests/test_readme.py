"""The README's commands are run, from the checkout, as a stranger would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"<!-- run -->\n```bash\n(.*?)```", re.S)


@pytest.mark.slow
def test_the_commands_do_what_they_say(root: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall((root / "README.md").read_text())
    assert blocks
    shutil.copytree(root / "examples", tmp_path / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr


def test_every_file_it_points_to_exists(root: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", (root / "README.md").read_text())
    assert targets
    for target in targets:
        assert (root / target).exists(), target
