"""Synthetic rooms and people for the darkroom's way out. Nobody here is real."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception, Person
from mizaru.edge.settings import PlateSettings
from mizaru.vocabulary import COCO17

WIDTH, HEIGHT = 320, 184
START_MS = 1_700_000_000_000


@dataclass
class Room:
    """A textured room filmed by a noisy camera; time runs as frames are taken."""

    seed: int = 1
    fps: int = 8

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        coarse = self.rng.integers(50, 200, (12, 20, 3), dtype=np.uint8)
        self.walls = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        self.pattern = self.rng.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3), dtype=np.uint8)
        self.pattern = cv2.resize(
            self.pattern, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST
        ).astype(np.float32)
        noise = self.rng.normal(0, 1.5, (16, HEIGHT, WIDTH, 3))
        self.noise = noise.astype(np.float32)
        self.number = 0

    @property
    def seconds(self):
        return self.number / self.fps

    def play(self, seconds, *people, **light):
        """Frames for so many seconds."""
        for _ in range(round(seconds * self.fps)):
            yield self.frame(*people, **light)

    def frame(self, *people, light=1.0, offset=0.0, shift=0, frozen=False):
        """One frame with people: boxes (x, y, w, h) painted with a high-entropy pattern."""
        picture = np.roll(self.walls, shift, axis=1).astype(np.float32)
        for person in people:
            picture = person(picture, self.pattern, self.seconds)
        picture = picture * light + offset
        if not frozen:
            picture = picture + self.noise[self.rng.integers(len(self.noise))]
        self.number += 1
        return Frame(
            self.number,
            START_MS + round(1000 * self.number / self.fps),
            0,
            np.clip(np.rint(picture), 0, 255).astype(np.uint8),
        )


def standing(x, y, w, h):
    """Somebody who does not move at all."""

    def paint(picture, pattern, _):
        picture[y : y + h, x : x + w] = pattern[y : y + h, x : x + w]
        return picture

    return paint


def walking(y, w, h, speed=40.0):
    """Somebody who walks to and fro."""

    def paint(picture, pattern, t):
        span = WIDTH - w
        x = round(abs((speed * t) % (2 * span) - span))
        picture[y : y + h, x : x + w] = pattern[:h, :w]
        return picture

    return paint


def sleeping(x, y, w, h, amplitude=0.4, period_s=4.0):
    """A sleeper on the side: the chest, the middle third, moves by a fraction of a pixel."""

    def paint(picture, pattern, t):
        body = pattern[y : y + h, x : x + w].copy()
        soft = cv2.GaussianBlur(body, (0, 0), 1.2)
        dx = amplitude * np.sin(2 * np.pi * t / period_s)
        moved = cv2.warpAffine(
            soft, np.float32([[1, 0, 0], [0, 1, dx]]), (w, h), borderMode=cv2.BORDER_REPLICATE
        )
        soft[:, w // 3 : 2 * w // 3] = moved[:, w // 3 : 2 * w // 3]
        picture[y : y + h, x : x + w] = soft
        return picture

    return paint


def nobody_seen(hints=()):
    return Perception((), np.zeros((HEIGHT // 2, WIDTH // 2), np.bool_), tuple(hints))


def masked(x, y, w, h):
    mask = np.zeros((HEIGHT // 2, WIDTH // 2), np.bool_)
    mask[max(0, y // 2) : (y + h) // 2 + 1, max(0, x // 2) : (x + w) // 2 + 1] = True
    return Perception((), mask)


def person(subject_id, x, y, w, h, lost_frames=0, score=0.9):
    """A tracked person with a plausible pose inside a box."""
    keypoints = np.ones((17, 3), np.float32)
    half = np.array([0, 1, 1, 2, 2, 4, 4, 5, 5, 6, 6, 2, 2, 2, 2, 2, 2]) / 20
    columns = 0.5 + half * np.array([0, *(1, -1) * 8])
    rows = np.array([10, 8, 8, 9, 9, 20, 20, 35, 35, 50, 50, 50, 50, 75, 75, 97, 97]) / 100
    keypoints[:, 0], keypoints[:, 1] = x + w * columns, y + h * rows
    box = (float(x), float(y), float(x + w), float(y + h))
    return Person(subject_id, box, COCO17, keypoints, None, None, score, lost_frames)


@pytest.fixture
def make_room():
    return Room


@pytest.fixture
def room():
    return Room(fps=5)


@pytest.fixture
def settings():
    """Rule 2's ten minutes are one here; the bounds are checked where settings are read."""
    return PlateSettings(commit_s=30.0, absorb_s=60.0)


@pytest.fixture
def people():
    """The painters and perceptions above, since test folders are not packages."""
    return SimpleNamespace(
        standing=standing,
        walking=walking,
        sleeping=sleeping,
        nobody_seen=nobody_seen,
        masked=masked,
        person=person,
    )
