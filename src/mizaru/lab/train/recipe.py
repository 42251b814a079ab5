"""What weights are made of: sources, network, augmentation and seeds, in one TOML file.

Every complaint names file, line and key. A recipe that is meant to ship takes only sources
whose licence lets us, see `mizaru.lab.data.sources`.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from mizaru.errors import SettingsError
from mizaru.lab.data.sources import SOURCES
from mizaru.settings import convert, line_of, load_document
from mizaru.vocabulary import Behavior

SHIPPED: Final = Path(__file__).resolve().parent / "recipes" / "recognizer.toml"
"""The recipe of the weights that ship."""

Share = Annotated[float, Meta(ge=0, le=1)]


class Purpose(enum.StrEnum):
    """What the weights are for."""

    SHIP = "ship"
    RESEARCH = "research"


class Kind(enum.StrEnum):
    """Networks."""

    TCN = "tcn"
    GCN = "gcn"
    TRANSFORMER = "transformer"


class SourceSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[recipe.source]]``.

    Attributes:
        name: ``sim``, or a source of `mizaru.lab.data`.
        hours: of motion to make, for sources that are made; ignored for files.
        seed: of what is made, and of the cameras that look.
        views: cameras through which each motion is seen.
        weight: how often its windows are drawn, relative to the others'.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    hours: Annotated[float, Meta(gt=0, le=100)] = 1.0
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    views: Annotated[int, Meta(ge=1, le=16)] = 1
    weight: Annotated[float, Meta(gt=0, le=100)] = 1.0


class WindowSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.windows]``: of quiet stretches every n-th tick is kept."""

    every_ticks: Annotated[int, Meta(ge=1, le=32)] = 3


class NetworkSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.network]``.

    Attributes:
        kind: see `mizaru.lab.train.architectures`.
        width: channels of its inner layers.
        depth: blocks.
        dropout: share of activations left out while learning.
    """

    kind: Kind = Kind.TCN
    width: Annotated[int, Meta(ge=8, le=512)] = 96
    depth: Annotated[int, Meta(ge=1, le=12)] = 4
    dropout: Annotated[float, Meta(ge=0, le=0.9)] = 0.15


class TrainingSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.training]``.

    Attributes:
        epochs: passes; one is `windows_per_epoch` draws.
        batch: windows per step.
        rate: peak learning rate; a tenth of the steps lead up to it, a cosine leads down.
        decay: weight decay.
        smoothing: of action labels.
        balance: 0 draws windows as they come, 1 draws every action, falls and blows equally
            often.
        fall_weight, aggression_weight: of their losses beside that of actions.
    """

    epochs: Annotated[int, Meta(ge=1, le=1000)] = 20
    windows_per_epoch: Annotated[int, Meta(ge=1)] = 60_000
    batch: Annotated[int, Meta(ge=2, le=65536)] = 256
    rate: Annotated[float, Meta(gt=0, le=1)] = 2e-3
    decay: Annotated[float, Meta(ge=0, le=1)] = 0.02
    smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.05
    balance: Share = 0.4
    fall_weight: Annotated[float, Meta(ge=0, le=100)] = 2.0
    aggression_weight: Annotated[float, Meta(ge=0, le=100)] = 1.0


class AugmentSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.augment]``: what may happen to a window, see `mizaru.lab.train.augment`.

    Attributes:
        mirror, joints_lost, frames_lost, half_rate, cut, alone: probabilities, see there.
        stretch: time runs by up to this factor faster or slower.
        scale: body height is misjudged by up to this factor.
        roll: the camera leans by up to this much, degrees.
        jitter: of joints, body heights (standard deviation).
    """

    mirror: Share = 0.5
    joints_lost: Share = 0.3
    frames_lost: Share = 0.3
    half_rate: Share = 0.2
    cut: Share = 0.25
    alone: Share = 0.15
    stretch: Annotated[float, Meta(ge=1, le=2)] = 1.25
    scale: Annotated[float, Meta(ge=1, le=2)] = 1.2
    roll: Annotated[float, Meta(ge=0, le=45)] = 8.0
    jitter: Annotated[float, Meta(ge=0, le=0.2)] = 0.01


class HoldOutSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.hold_out]``: people and scenes kept out of learning, to calibrate on."""

    share: Annotated[float, Meta(gt=0, lt=0.9)] = 0.2
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0


class AlarmSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.alarm]``: the operating points.

    Attributes:
        per_camera_day: false alarms allowed, for each risk.
        hours: of a simulated day to choose them on.
        seed: of that day; no source may have the same.
    """

    per_camera_day: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    hours: Annotated[float, Meta(gt=0, le=100)] = 8.0
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 90_001


class ShownSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[recipe.shown]]``: real people on whom these weights were shown to know a behaviour.

    What is not named here is called "not validated on real people" wherever it is told.

    Attributes:
        behavior: what.
        data: sets of real people; nobody in them may be learnt from.
        figures: e.g. ``event_recall``, as `mizaru evaluate` gave them.
    """

    behavior: Behavior
    data: Annotated[tuple[str, ...], Meta(min_length=1)]
    figures: dict[str, float] = {}


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe]``. `title` names the weights; `use_relations` = false hides other people."""

    title: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    purpose: Purpose
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    use_relations: bool = True
    source: Annotated[tuple[SourceSettings, ...], Meta(min_length=1)]
    windows: WindowSettings = WindowSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    augment: AugmentSettings = AugmentSettings()
    hold_out: HoldOutSettings = HoldOutSettings()
    alarm: AlarmSettings = AlarmSettings()
    shown: tuple[ShownSettings, ...] = ()

    def learning(self) -> bytes:
        """Everything of it that weights depend on: thresholds are chosen after learning."""
        return msgspec.json.encode(msgspec.structs.replace(self, alarm=AlarmSettings(), shown=()))


def load_recipe(file: Path) -> Recipe:
    """Read and check a recipe; raises `SettingsError` with file, line and key."""
    document, text = load_document(file)
    for key in document:
        if key != "recipe":
            raise SettingsError(
                "unknown table; a recipe has one table, [recipe]",
                file=file, line=line_of(text, key), key=key,
            )  # fmt: skip
    if "recipe" not in document:
        raise SettingsError("the table [recipe] is missing", file=file, key="recipe")
    recipe = convert(document["recipe"], Recipe, file=file, text=text, root="recipe")
    known = {source.name: source for source in SOURCES}
    allowed = [n for n, s in known.items() if s.shippable or recipe.purpose is Purpose.RESEARCH]
    names: set[str] = set()
    for index, source in enumerate(recipe.source):
        complaint = None
        if source.name not in known:
            complaint = f"no source is called {source.name!r}; use {', '.join(allowed)}"
        elif source.name not in allowed:
            complaint = (
                f"weights made of {source.name!r} may not be shipped "
                f"({known[source.name].why}); use {', '.join(allowed)}, "
                'or purpose = "research"'
            )
        elif source.name in names:
            complaint = f"{source.name!r} is named twice; keep one of them"
        if complaint:
            key = f"recipe.source[{index}].name"
            raise SettingsError(complaint, file=file, line=line_of(text, key), key=key)
        names.add(source.name)
        if source.seed == recipe.alarm.seed:
            key = "recipe.alarm.seed"
            raise SettingsError(
                f"is the seed of {source.name!r}, too; choose another, or thresholds are chosen "
                "on what was learnt",
                file=file, line=line_of(text, key), key=key,
            )  # fmt: skip
    return recipe
