"""``mizaru evaluate``: figures, files, errors and exit codes, without a camera or a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mizaru.cli.evaluate import evaluate
from mizaru.errors import DataError, MizaruError

UP, DOWN, GONE = "up", "down", "gone"
FALL = [UP] * 30 + [DOWN] * 20
WALK = [UP] * 50
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
KEYS = (
    "event_recall", "precision", "false_alarms_per_hour", "false_alarms_per_camera_day",
    "delay_p50_s", "delay_p95_s", "macro_f1", "auc", "accuracy", "mae",
)  # fmt: skip

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(evaluate)


Run = Callable[..., tuple[str, BaseException | None]]


@pytest.fixture
def run(cache: Path) -> Run:
    def run(*arguments: object) -> tuple[str, BaseException | None]:
        done = CliRunner().invoke(app, [str(a) for a in arguments] + ["--recordings", str(cache)])
        error = None if isinstance(done.exception, SystemExit) else done.exception
        if error is not None and not isinstance(error, MizaruError):
            raise error
        return done.stdout, error

    return run


def site(film: Any, manifest: Any, tmp_path: Path) -> Path:
    """Two marked falls, of which one is seen late; one unmarked; a walk; a false alarm."""
    film("v/f1.mp4", FALL)
    film("v/f2.mp4", [UP] * 30 + [GONE] * 10 + [DOWN] * 20)
    film("v/f3.mp4", WALK)
    film("v/w1.mp4", WALK)
    film("v/w2.mp4", FALL)
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "x_intervals.csv").write_text(
        "path,class,t0_s,t1_s\nv/f1.mp4,fall,2.5,4\nv/f2.mp4,fall,3,5\n"
    )
    falls = (
        {"path": f"v/f{n}.mp4", "label": "fall", "identity": f"s:{n}", "group": "r1"}
        for n in (1, 2, 3)
    )
    walk = {"path": "v/w1.mp4", "label": "walking", "identity": "s:1", "group": "r2"}
    evil = {"label": "<b>lying</b>", "label_raw": "</script><img src=x>"}
    lies = {"path": "v/w2.mp4", "identity": "s:2", "group": "r2", **evil}
    return manifest(*falls, walk, lies)  # type: ignore[no-any-return]


@pytest.mark.usefixtures("floor_recognizer")
def test_the_figures(run: Run, film: Any, manifest: Any, tmp_path: Path) -> None:
    out, error = run(site(film, manifest, tmp_path), "--task", "fall", "--json", "-")
    assert error is None
    said = json.loads(out)
    assert said["event_recall"] == pytest.approx(2 / 3)
    assert said["event_recall_low"] < 2 / 3 < said["event_recall_high"]
    assert said["precision"] == pytest.approx(2 / 3)
    assert said["false_alarms"] == 1
    # Two clips without a fall, and what lies outside the marked ones.
    free_s = 5.0 + 5.0 + (1.5 + 1.0) + (2.0 + 1.0)
    assert said["hours_without_event"] == pytest.approx(free_s / 3600)
    assert said["false_alarms_per_hour"] == pytest.approx(3600 / free_s)
    assert said["false_alarms_per_camera_day"] == pytest.approx(24 * 3600 / free_s)
    assert said["delay_p50_s"] == pytest.approx((0.5 + 1.0) / 2)
    assert said["auc"] == pytest.approx((2 * 1.5 + 0.5) / 6)
    assert said["accuracy"] == pytest.approx(3 / 5)
    assert said["mae"] is None
    for key in KEYS:
        assert {key, f"{key}_low", f"{key}_high"} <= said.keys()
    clips = {clip["path"]: clip for clip in said["clips"]}
    assert clips["v/f1.mp4"] == {
        "path": "v/f1.mp4", "identity": "s:1", "group": "r1", "camera": "", "label": "fall",
        "duration_s": 5.0, "truth": "fall", "decision": "fall", "score": 0.9, "delay_s": 0.5,
        "events": 1, "hits": 1, "false_alarms": 0, "event_free_s": 2.5, "mae": None,
        "frames_in": 150, "frames_dropped": 50,
    }  # fmt: skip
    assert (clips["v/f3.mp4"]["decision"], clips["v/f3.mp4"]["delay_s"]) == ("none", None)
    assert {row["name"]: row["hits"] for row in said["by_identity"]} == {
        "s:1": 1,
        "s:2": 1,
        "s:3": 0,
    }
    assert [row["name"] for row in said["by_group"]] == ["r1", "r2"]
    assert said["weights_sha256"] is None
    assert (said["pace"], said["seed"], said["recognizer"]) == ("live", 0, "rules")
    assert re.fullmatch(r"[0-9a-f]{64}", said["manifest"]["sha256"])


@pytest.mark.usefixtures("floor_recognizer")
def test_shuffled_rows_give_the_same_figures(
    run: Run, film: Any, manifest: Any, tmp_path: Path
) -> None:
    file = site(film, manifest, tmp_path)
    straight = json.loads(run(file, "--task", "fall", "--json", "-")[0])
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *reversed(rows)]) + "\n")
    turned = json.loads(run(file, "--task", "fall", "--json", "-")[0])
    assert {k: turned[k] for k in KEYS} == {k: straight[k] for k in KEYS}
    assert [c["path"] for c in turned["clips"]] == [c["path"] for c in straight["clips"]][::-1]


@pytest.mark.usefixtures("floor_recognizer")
def test_a_broken_clip_is_named_and_the_others_are_judged(
    run: Run, film: Any, manifest: Any, tmp_path: Path
) -> None:
    film("a.mp4", FALL)
    file = manifest({"path": "a.mp4", "label": "fall"}, {"path": "gone.mp4", "label": "fall"})
    result = tmp_path / "out.json"
    out, error = run(file, "--task", "fall", "--json", result)
    assert isinstance(error, DataError)
    assert "gone.mp4" in str(error)
    assert "1 of 2 clips" in str(error)
    assert "\n" not in str(error)
    said = json.loads(result.read_text())
    assert said["event_recall"] == 1.0
    good, broken = said["clips"]
    assert "error" not in good
    assert "cannot be read" in broken["error"]
    assert "1 of 1 fall" in out


@pytest.mark.usefixtures("floor_recognizer")
def test_the_terminal_says_it_in_words_first(
    run: Run, film: Any, manifest: Any, tmp_path: Path
) -> None:
    out, _ = run(site(film, manifest, tmp_path), "--task", "fall")
    assert out.startswith("5 clips of 3 people")
    assert "missed 1" in out
    assert re.search(r"event recall +66\.7 % +20\.8 % – 93\.9 %", out)
    assert "v/f3.mp4: 1 miss" in out
    assert "v/w2.mp4: 1 false alarm" in out


@pytest.mark.usefixtures("floor_recognizer")
def test_counting_and_actions(run: Run, film: Any, manifest: Any) -> None:
    film("two.mp4", WALK, people=2)
    film("four.mp4", WALK, people=4)
    file = manifest(
        {"path": "two.mp4", "task": "counting", "label": "standing", "label_raw": "count 2"},
        {"path": "four.mp4", "task": "counting", "label": "standing", "label_raw": "6 people"},
    )
    said = json.loads(run(file, "--task", "count", "--json", "-")[0])
    assert (said["mae"], said["accuracy"], said["event_recall"]) == (1.0, 0.5, None)
    file = manifest(
        {"path": "two.mp4", "task": "action", "label": "standing"},
        {"path": "four.mp4", "task": "action", "label": "walking"},
    )
    said = json.loads(run(file, "--task", "action", "--json", "-")[0])
    assert said["accuracy"] == 0.5
    assert said["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert said["confusion"] == [
        {"truth": "stand", "decision": "stand", "clips": 1},
        {"truth": "walk", "decision": "stand", "clips": 1},
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "dance"], "--task dance: no such task; choose fall, fight"),
        (["--task", "fight"], "no rows of task fight; it has fall (1)"),
        (["--task", "fall", "--split", "x"], "no fall rows of split 'x'; there are (empty) (1)"),
        (["--task", "fall", "--root", "/nowhere"], "/nowhere: none of the 1 files is here"),
        (["--task", "fall", "--where", "camera"], "write COLUMN=PATTERN"),
        (["--task", "fall", "--kind", "hologram"], "--kind hologram: choose video, skeleton, all"),
        (["--task", "count", "--negatives", "all"], "--negatives all: task count has no event"),
        (["--task", "fall", "--html", "/nowhere/x.html"], "its folder does not exist"),
        (["--task", "fall", "--weights", "/nowhere"], "/nowhere"),
    ],
)
def test_mistakes_have_one_line_and_no_traceback(
    run: Run, film: Any, manifest: Any, arguments: Sequence[str], words: str
) -> None:
    film("a.mp4", WALK)
    _, error = run(manifest({"path": "a.mp4", "label": "walking"}), *arguments)
    assert isinstance(error, MizaruError)
    assert words in str(error)
    assert "\n" not in str(error)
    assert error.exit_code != 0


def test_a_manifest_that_is_none(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    assert "No such file" in str(run(file, "--task", "fall")[1])
    file.write_text("path,kind,task\n")
    assert f"{file}:1: the column 'label' is missing" in str(run(file, "--task", "fall")[1])


@pytest.mark.usefixtures("floor_recognizer")
def test_ctrl_c_says_how_far_it_came(
    run: Run, film: Any, manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film("a.mp4", WALK)
    film("b.mp4", WALK)
    seen = []

    def interrupted(_: object, clip: Any) -> list[Any]:
        seen.append(clip.path)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr("mizaru.lab.evaluate.run.Judge.judge", interrupted)
    file = manifest({"path": "a.mp4", "label": "walking"}, {"path": "b.mp4", "label": "walking"})
    done = CliRunner().invoke(app, [str(file), "--task", "fall"])
    assert done.exit_code == 130
    assert "stopped after 1 of 2 clips" in done.stderr


@pytest.fixture
def page(run: Run, film: Any, manifest: Any, tmp_path: Path, floor_recognizer: None) -> Path:
    html = tmp_path / "page.html"
    assert run(site(film, manifest, tmp_path), "--task", "fall", "--html", html)[1] is None
    return html


def test_the_page_needs_nothing_and_escapes_everything(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)|https?:|@import|url\(""", text)
    assert "<b>lying</b>" not in text
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert "&lt;low&gt; &amp; stays there." in text
    data = re.search(r'id="replays">(.*?)</script>', text)
    assert data is not None
    replays = json.loads(data[1])
    assert text.count('class="replay"') == len(replays) == 2
    missed, false = replays.values()
    assert len(missed["frames"]) == 50, "the whole clip where nobody marked the fall"
    assert false["poster"] == 3000, "a false alarm opens with its alarm"
    marked = {t for t, people in false["frames"] if people[0][1]}
    assert marked, "whom the alarm is about is marked"
    numbers = np.array([v for _, people in false["frames"] for p in people[0][2] for v in p[5]])
    assert numbers.dtype.kind == "i"


def test_the_page_draws_its_replays(page: Path, tmp_path: Path) -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        pytest.skip("no Chromium here")
    probe = tmp_path / "probe.html"
    # The page's own policy lets only its own script run: the probe is another page.
    script = re.search(r"<script>(.*?)</script>\n</body>", page.read_text(), re.S)
    assert script is not None
    body = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text())
    probe.write_text(
        body.replace(
            "</body>",
            "<script>addEventListener('load', () => setTimeout(() => {"
            "const of = (c) => new Set(new Uint32Array(c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data.buffer)).size;"
            "document.title = [...document.querySelectorAll('canvas')].map(of).join(' ');"
            "}, 300))</script></body>",
        )
    )
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    title = re.search(r"<title>([\d ]+)</title>", done.stdout)
    assert title is not None, done.stderr[-2000:]
    colours = [int(n) for n in title[1].split()]
    assert len(colours) == 2
    assert min(colours) > 50, "a mannequin is shaded"


def test_a_recognizer_that_fails_on_one_clip_is_told_and_survived(
    run: Run, film: Any, manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mizaru.cloud.recognize.info import RULES_INFO
    from mizaru.cloud.recognize.rules import RuleRecognizer

    class Failing(RuleRecognizer):
        def observe(self, observation: Any) -> Any:
            if not observation.poses:
                raise ZeroDivisionError("nobody")
            return super().observe(observation)

    from mizaru.cloud.settings import CloudCameraSettings

    def failing(camera: str) -> Failing:
        return Failing(CloudCameraSettings(id=camera), local_time=lambda _: None)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr("mizaru.lab.evaluate.run.recognizer_of", lambda _: (failing, RULES_INFO))
    film("a.mp4", WALK)
    film("b.mp4", [*WALK, GONE])
    file = manifest({"path": "b.mp4", "label": "walking"}, {"path": "a.mp4", "label": "walking"})
    out, error = run(file, "--task", "fall", "--json", "-")
    assert "b.mp4: recognition failed: ZeroDivisionError: nobody" in str(error)
    assert "\n" not in str(error)
    broken, good = json.loads(out)["clips"]
    assert "ZeroDivisionError" in broken["error"]
    assert good["decision"] == "none"
