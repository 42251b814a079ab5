"""How much of a fight the poses that cross the wall hold: a classifier of clips, for research.

    python -m benchmarks.fights MANIFEST.csv

Kinematics of everybody in a 2 s clip (speeds of limbs, leaning, nearness, how often tracks break)
and the shipped network's evidence of blows, a random forest on them, folds grouped by source
video. Beside it the shipped recognizer, which learnt from none of these clips, and motion alone.
Recordings must be in the cache: ``mizaru evaluate … --task fight`` makes them. The clips'
licence forbids to ship what this learns.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

from mizaru.cloud.recognize import build_recognizer
from mizaru.cloud.recognize.sight import Sight
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.edge.models import models_folder
from mizaru.edge.settings import Pace
from mizaru.lab.data.manifest import read_manifest
from mizaru.lab.data.recording import Recorder, Recording
from mizaru.settings import environment
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float64]

LIMBS = [7, 8, 9, 10, 13, 14, 15, 16]
WRISTS = [9, 10]
BLOWS = (Behavior.STRIKE, Behavior.PUSH, Behavior.FALL)
LONGEST_STEP_S = 0.35
NEAR = 0.6  # body heights
FOLDS, SEEDS, DRAWS = 5, 3, 1000
KINEMATICS = slice(0, 30)
MOTION = slice(0, 8)


def features(recording: Recording) -> Array:
    """What one clip shows, shape (33,); NaN where nobody was seen well enough."""
    recognizer = build_recognizer(
        CloudCameraSettings(id="camera-1"),
        local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC),
    )
    sight, counts, ids = Sight(), [], set()
    last: dict[object, tuple[int, Array, Array, Array]] = {}
    found: dict[str, list[float]] = defaultdict(list)
    evidence = dict.fromkeys(BLOWS, 0.0)
    for observation in recording.observations():
        t_ms = observation.key.t_ms
        finding = recognizer.observe(observation)
        for blow in BLOWS:
            evidence[blow] = max(evidence[blow], finding.evidence.get(blow, 0.0))
        counts.append(len(observation.poses))
        ids |= {pose.subject_id for pose in observation.poses}
        poses = {pose.subject_id: pose for pose in observation.poses}
        people = [s.subject for s in sight.observe(observation) if s.subject.size > 0]
        centers = [np.array(s.last.body.center) for s in people]
        for me, subject in enumerate(people):
            pose = poses[subject.subject_id]
            points = pose.keypoints[:, :2] * (observation.aspect, 1.0) / subject.size
            seen, center = pose.keypoints[:, 2] > 0.3, centers[me] / subject.size
            gaps = [
                float(np.linalg.norm(c - centers[me])) / subject.size
                for other, c in enumerate(centers)
                if other != me
            ]
            if gaps:
                found["gap"].append(min(gaps))
            if subject.last.body.tilt is not None:
                found["tilt"].append(subject.last.body.tilt)
            found["size"].append(subject.size)
            if subject in last:
                then_ms, before, before_seen, before_center = last[subject]
                seconds = (t_ms - then_ms) / 1000
                if 0 < seconds <= LONGEST_STEP_S:
                    both = seen & before_seen
                    step = np.linalg.norm((points - center) - (before - before_center), axis=1)
                    limbs = (step / seconds)[[k for k in LIMBS if both[k]]]
                    wrists = (step / seconds)[[k for k in WRISTS if both[k]]]
                    if len(limbs):
                        found["mean limb"].append(float(limbs.mean()))
                        found["fastest limb"].append(float(limbs.max()))
                    if len(wrists) and gaps and min(gaps) < NEAR:
                        found["wrist at another"].append(float(wrists.max()))
                    found["travel"].append(float(np.linalg.norm(center - before_center)) / seconds)
            last[subject] = t_ms, points, seen, center
    row: list[float] = []
    for name in ("mean limb", "fastest limb", "travel", "wrist at another", "tilt"):
        row += quantiles(found[name], (50, 75, 90, 100))
    row += quantiles(found["gap"], (0, 50))
    row += quantiles(found["size"], (50,))
    people_seen = np.array(counts or [0])
    row += [float(people_seen.mean()), float(people_seen.max()), float(people_seen.std())]
    row += [float(len(ids)), len(ids) / (people_seen.mean() + 0.1)]
    row += [float(len(last)), float(len(found["gap"]) / max(1, len(found["size"])))]
    return np.array([*row, *evidence.values()])


def quantiles(values: list[float], wanted: tuple[int, ...]) -> list[float]:
    """Percentiles, NaN without values."""
    return [float(np.percentile(values, q)) if values else np.nan for q in wanted]


def forest(seed: int) -> object:
    return make_pipeline(
        SimpleImputer(keep_empty_features=True),
        RandomForestClassifier(400, min_samples_leaf=3, random_state=seed),
    )


def cross_validated(x: Array, y: Array, groups: Array) -> Array:
    """Scores of clips whose source video was not learnt from; mean over shuffles."""
    scores = np.zeros(len(y))
    for seed in range(SEEDS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for known, new in folds.split(x, y, groups):
            scores[new] += forest(seed).fit(x[known], y[known]).predict_proba(x[new])[:, 1]
    return scores / SEEDS


def interval(y: Array, scores: Array, groups: Array) -> tuple[float, float]:
    """95 % of bootstrap draws of source videos."""
    rng, names = np.random.default_rng(0), np.unique(groups)
    drawn = []
    for _ in range(DRAWS):
        picked = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(groups == name) for name in picked])
        if 0 < y[rows].mean() < 1:
            drawn.append(roc_auc_score(y[rows], scores[rows]))
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    home = Path.home() / ".cache" / "mizaru" / "recordings"
    parser.add_argument("--recordings", type=Path, default=home)
    arguments = parser.parse_args()
    recorder = Recorder(models_folder(None, environment()), arguments.recordings)
    clips = [
        clip
        for clip in read_manifest(arguments.manifest)
        if clip.kind == "video" and clip.task == "fight"
    ]
    rows, labels, groups, splits = [], [], [], []
    for clip in track(clips, "watching", transient=True):
        recording = recorder.known(clip.file, Pace.LIVE)
        if recording is None:
            continue
        rows.append(features(recording))
        labels.append(clip.label == "fight")
        groups.append(clip.group)
        splits.append(clip.split)
    x, y = np.array(rows), np.array(labels, float)
    group, train = np.array(groups), np.array(splits) == "train"
    empty = np.isnan(x[:, 0])
    print(
        f"{len(y)} of {len(clips)} clips, {len(set(groups))} sources; "
        f"nobody followed in {empty.sum()}"
    )
    shipped = x[:, -3:-1].max(axis=1)
    print("AUC, 95 % interval over sources")
    for name, columns in (
        ("kinematics and network", slice(None)),
        ("kinematics", KINEMATICS),
        ("motion of limbs alone", MOTION),
    ):
        scores = cross_validated(x[train][:, columns], y[train], group[train])
        low, high = interval(y[train], scores, group[train])
        auc = roc_auc_score(y[train], scores)
        model = forest(0).fit(x[train][:, columns], y[train])
        held = roc_auc_score(y[~train], model.predict_proba(x[~train][:, columns])[:, 1])
        print(f"  {name}: train, grouped folds {auc:.3f} ({low:.3f}–{high:.3f}); eval {held:.3f}")
    low, high = interval(y, shipped, group)
    print(
        f"  shipped recognizer, all clips: {roc_auc_score(y, shipped):.3f} ({low:.3f}–{high:.3f})"
    )


if __name__ == "__main__":
    main()
