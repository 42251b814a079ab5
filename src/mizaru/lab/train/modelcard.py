"""The model card that people read, made by the same run as the weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mizaru.cloud.recognize.card import NOT_VALIDATED
from mizaru.lab.train.recipe import Purpose, Recipe
from mizaru.lab.train.run import Result
from mizaru.vocabulary import Behavior


def write_model_card(result: Result, recipe: Recipe, file: Path) -> None:
    """Write the card; whole or not at all."""
    part = file.with_suffix(".part")
    part.write_text("\n".join(_lines(result, recipe)) + "\n", encoding="utf-8")
    part.replace(file)


def _lines(result: Result, recipe: Recipe) -> Iterator[str]:
    card, scores = result.card, result.scores
    yield f"# Weights `{card.version}`"
    yield ""
    yield "Written by the run that made them; do not edit."
    yield ""
    yield f"- **made by** `{card.command}`, seed {card.seed}"
    yield f"- **network** {card.architecture}: {card.parameters:,} parameters; "
    yield f"  {card.channels} channels × {card.ticks} ticks of 100 ms → {len(card.outputs)} outputs"
    yield f"- **cost** {result.cost_ms:.2f} ms a window on one core of the machine that trained it"
    yield f"- **file** `recognizer.onnx`, SHA-256 `{card.sha256}`; logits differ from torch's by "
    yield f"  at most {result.apart:.1e}"
    yield "- **not for** anything that needs to know who somebody is, and no judge of guilt: it "
    yield "  asks a person to look"
    if recipe.purpose is Purpose.RESEARCH:
        yield "- **never ship these weights**: some of their data may only be used for research"
    yield ""
    yield "## What it learnt from"
    yield ""
    yield "| source | licence | sequences | hours | falls | blows | windows learnt from |"
    yield "|---|---|---|---|---|---|---|"
    windows = {(t.name, t.licence): t.windows for t in card.training}
    for (name, licence), count in windows.items():
        mine = [
            s
            for s in result.library.stories
            if s.source == name and (s.licence or "none stated")[:500] == licence
        ]
        yield (
            f"| {name} | {licence} | {len(mine)} | {sum(s.hours for s in mine):.2f} | "
            f"{sum(s.falls for s in mine)} | {sum(s.blows for s in mine)} | {count:,} |"
        )
    yield ""
    yield (
        f"Of these, {int(result.held.sum())} of {len(result.held)} sequences were held out, with "
        "everybody in them: half to calibrate on, half for the figures below."
    )
    yield ""
    yield "## What it knows of held-out people and scenes of the same sources"
    yield ""
    yield (
        f"{scores.windows:,} windows; intervals hold 95 of 100 bootstrap draws of sequences. "
        "These say that learning worked, not how it does on real footage: for that see "
        "`mizaru evaluate` and the README."
    )
    yield ""
    yield "| figure | value |"
    yield "|---|---|"
    yield f"| actions, mean F1 | {scores.action_f1} |"
    yield f"| actions, accuracy | {scores.action_accuracy} |"
    yield f"| fall, AUC over windows | {scores.fall_auc} |"
    yield f"| fall, recall at one false window in 1000 | {scores.fall_recall} |"
    yield f"| aggression, AUC over windows | {scores.aggression_auc} |"
    yield f"| fall, calibration error | {scores.fall_error:.3f} |"
    yield f"| aggression, calibration error | {scores.aggression_error:.3f} |"
    yield ""
    yield "| action | F1 |"
    yield "|---|---|"
    for action, value in scores.f1.items():
        yield f"| {action} | {value:.2f} |"
    yield ""
    yield "## Operating points"
    yield ""
    yield (
        f"Scores are the recognizer's own, after its second look. Chosen for at most "
        f"{recipe.alarm.per_camera_day:g} false alarms per camera-day on "
        f"{card.operating_points[Behavior.FALL].chosen_on}; judged on the "
        "hold-out, where something happens every few seconds: its rate is far above that of a "
        "usual day. At most: the upper end of a 95 % Poisson interval. Told after: half of what "
        "was found, and 95 of 100, from the beginning or, of a fall, from the impact."
    )
    yield ""
    yield (
        "| risk | threshold | goes on to | found | false alarms | per camera-day at most | "
        "told after, s |"
    )
    yield "|---|---|---|---|---|---|---|"
    for risk, outcome in result.outcomes.items():
        point = card.operating_points[risk]
        yield (
            f"| {risk} | {point.threshold:.2f} | {point.low:.2f} | {outcome.found} of "
            f"{outcome.events} | {outcome.false} in {outcome.hours:.2f} h | "
            f"{outcome.at_most_per_camera_day:.0f} | "
            f"{outcome.delay_s(0.5):.1f}, {outcome.delay_s(0.95):.1f} |"
        )
    yield ""
    yield "Falls at other thresholds:"
    yield ""
    yield "| threshold | found | false on the hold-out | false on that day | told after, s |"
    yield "|---|---|---|---|---|"
    for threshold, (held, day) in result.sweep.items():
        yield (
            f"| {threshold:.2f} | {held.found} of {held.events} | {held.false} in "
            f"{held.hours:.2f} h | {day.false} in {day.hours:.2f} h | "
            f"{held.delay_s(0.5):.1f}, {held.delay_s(0.95):.1f} |"
        )
    yield ""
    yield "## Shown on real people"
    yield ""
    yield "| behaviour | shown on | figures |"
    yield "|---|---|---|"
    for behavior, validation in card.validation.items():
        figures = ", ".join(f"{name} {value:g}" for name, value in validation.figures.items())
        yield f"| {behavior} | {'; '.join(validation.data)} | {figures} |"
    yield ""
    yield f"Everything else is {NOT_VALIDATED}, and API and dashboard say so."
    yield ""
    yield "## Limits"
    yield ""
    yield "- Cameras that look straight down are outside its domain."
    yield "- Children, wheelchairs and walking frames are simulated at best."
    yield (
        "- Strikes, pushes, smoking, waving, washing, drinking and telephoning were learnt from "
        "simulated people and motion capture; what was not shown on real people is marked so in "
        "API and dashboard."
    )
    for note in card.notes:
        yield f"- {note}"
