"""What an encoder is made of: people, scenes, network, losses and seeds, in one TOML file.

Every complaint names file, line and key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from mizaru.errors import SettingsError
from mizaru.settings import convert, line_of, load_document

SHIPPED: Final = Path(__file__).resolve().parent / "recipes" / "encoder.toml"
"""The recipe of the weights that ship."""

Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(ge=0, le=100)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]


class CastSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.people]`` and ``[recipe.scenes]``: how many of each, in the three casts.

    Attributes:
        learn: what the encoder learns from.
        calibrate: what λ and early figures come from.
        judge: never seen before the end; identity attacks are run on these.
    """

    learn: Positive
    calibrate: Positive
    judge: Positive


class FrameSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.frames]``.

    Attributes:
        seed: of people, scenes and cameras.
        views: cameras that see each scene.
        every_ticks: every n-th tick (100 ms) becomes a frame.
    """

    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    views: Annotated[int, Meta(ge=1, le=16)] = 1
    every_ticks: Annotated[int, Meta(ge=1, le=64)] = 4


class MeasuredSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.measured]``: real people's motions to learn from, beside the sim's; see
    `mizaru.lab.encoder.measured`.

    Attributes:
        sources: names of sets, as in `mizaru.lab.data.sources`; only such as weights that ship may
            learn from.
        views: cameras that see each take.
    """

    sources: tuple[str, ...] = ()
    views: Annotated[int, Meta(ge=1, le=64)] = 1


class NetworkSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.network]``: see `mizaru.lab.encoder.network`."""

    width: Annotated[int, Meta(ge=4, le=256)] = 16


class LossSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.loss]``: weights beside cross-entropy; see `mizaru.lab.encoder.losses`.

    Attributes:
        distill: towards the recognizer's words, at most 0.2.
        tiers: of the small exit towards the deepest.
        vib: β.
        adversary: of the readers of identity; `adversaries` of them, restarted each epoch.
        contrast: supervised contrastive, on meaning.
        clip: C, the greatest norm of a released μ.
        hints: of what the trunk is asked beside the words while learning, see
            `mizaru.lab.encoder.network.Asked`.
        noise: σ is drawn from 0 to this for each frame while learning.
    """

    distill: Annotated[float, Meta(ge=0, le=0.2)] = 0.2
    tiers: Weight = 1.0
    vib: Weight = 0.003
    adversary: Weight = 0.1
    adversaries: Annotated[int, Meta(ge=1, le=16)] = 3
    contrast: Weight = 0.1
    hints: Weight = 1.0
    clip: Annotated[float, Meta(gt=0, le=100)] = 1.0
    noise: Annotated[float, Meta(ge=0, le=2)] = 0.3


class TrainingSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe.training]``.

    Attributes:
        epochs: passes; one is `frames_per_epoch` draws.
        batch: frames per step, `moments` from each view that is drawn.
        moments: frames of one view in a batch; readers of identity see their mean, too.
        rate: peak learning rate; a tenth of the steps lead up to it, a cosine leads down.
        decay: weight decay.
        elsewhere: share of the frames that are drawn before another room.
        balance: 0 draws frames as they come, 1 draws every behaviour and place equally often.
    """

    epochs: Positive = 16
    frames_per_epoch: Positive = 24_000
    batch: Annotated[int, Meta(ge=4, le=65536)] = 128
    moments: Annotated[int, Meta(ge=1, le=64)] = 4
    rate: Annotated[float, Meta(gt=0, le=1)] = 2e-3
    decay: Share = 0.02
    elsewhere: Share = 0.5
    balance: Share = 0.5

    def __post_init__(self) -> None:
        if self.batch % self.moments:
            raise ValueError(f"batch = {self.batch} must be a multiple of moments")


class Recipe(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[recipe]``. `title` names the weights."""

    title: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    people: CastSettings
    scenes: CastSettings
    frames: FrameSettings = FrameSettings()
    measured: MeasuredSettings = MeasuredSettings()
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    training: TrainingSettings = TrainingSettings()


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
    return convert(document["recipe"], Recipe, file=file, text=text, root="recipe")
