"""A report as one HTML file: plain words first, then pictures, then every mistake as a replay.

The file needs nothing from outside and says so in its policy. A replay draws what crossed the
wall: mannequins, as primitives of `mizaru.proxy`, never a picture.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any, Final

from mizaru.cloud.recognize.finding import Observation
from mizaru.lab.evaluate import draw
from mizaru.lab.evaluate.judge import EARLY_S, LATE_S, TOGETHER, Judged, Replay
from mizaru.lab.evaluate.report import Report, Row, delays
from mizaru.lab.evaluate.statistic import DRAWS, LEAST_CLUSTERS
from mizaru.lab.evaluate.task import Task
from mizaru.lab.evaluate.words import (
    NO_INTERVAL,
    count,
    interval,
    lines,
    number,
    plain,
    share,
    span,
    summary,
)
from mizaru.proxy import PALETTE, Part, Primitive, Shape, primitives

MOST_BARS: Final = 16
"""A breakdown with more rows than this is a table only."""
_PEAK: Final = "One clip counts once, by its peak. Alarms begin at 0.5, the broken line."
MANY: Final = 400
"""More clips than this are drawn smaller."""
_WORDS: Final = frozenset({"from", "which", "label"})
"""Columns that hold words even where they begin with a number."""

_SHAPES: Final = tuple(Shape)
_PARTS: Final = (None, Part.SHADOW, Part.VISOR, Part.PELVIS, Part.NECK, Part.FOOT, Part.HEAD)
"""In the order of the player's numbers; whatever is not among them has number 0."""


def page(report: Report) -> str:
    """The whole document."""
    replays = [replay for clip in report.clips for replay in clip.replays]
    data = {f"r{i}": _data(replay) for i, replay in enumerate(replays, 1)}
    script = _asset("player.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = _title(report)
    carried = json.dumps(data, separators=(",", ":"))  # numbers only: nothing to escape
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(title)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n",
            f"<body>\n<main>\n{_head(report, title)}{_cards(report)}{_figures(report)}",
            f"{_breakdowns(report)}{_mistakes(replays)}{_clips(report)}{_method(report)}",
            "</main>\n",
            f'<script type="application/json" id="replays">{carried}</script>\n',
            f"<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _title(report: Report) -> str:
    task, figures = report.setup.task, report.figures
    event = task.event
    if event is None:
        return {"action": "Behaviours named", "count": "People counted"}[str(task)]
    events, hits = sum(c.events for c in report.judged), sum(c.hits for c in report.judged)
    false = count(figures.false_alarms or 0, "false alarm", "false alarms")
    found = f"{hits} of {count(events, event.noun, event.plural)} alarmed, " if events else ""
    return f"{found}{false} in {span((figures.hours_without_event or 0.0) * 3600)}"


def _head(report: Report, title: str) -> str:
    setup = report.setup
    where = f"{setup.manifest[0]}{f', split {setup.split}' if setup.split else ''}"
    first, *rest = summary(report)
    return (
        f'<p class="eyebrow">Mizaru · evaluation of {escape(str(setup.task))} · {escape(where)} · '
        f"pace {escape(str(setup.pace))}</p>\n<h1>{escape(title)}</h1>\n"
        f'<p class="lead">{escape(first)}</p>\n'
        + "".join(f"<p>{escape(sentence)}</p>\n" for sentence in rest)
    )


def _cards(report: Report) -> str:
    figures = report.figures
    cards: list[tuple[str, str, str]] = []
    for key, name in (
        ("event_recall", "of the events alarmed"),
        ("precision", "of the alarms were right"),
        ("delay_p95_s", "from onset to alarm, p95"),
        ("auc", "AUC over clips"),
        ("accuracy", "of the clips decided right"),
        ("macro_f1", "macro-F1"),
        ("mae", "mean absolute error"),
    ):
        estimate = getattr(figures, key)
        if estimate is not None:
            between = f"95 %: {interval(key, estimate)}"
            cards.append((number(key, estimate.value), name, between))
    day = figures.false_alarms_per_camera_day
    if figures.false_alarms is not None:
        free = span((figures.hours_without_event or 0.0) * 3600)
        between = f"95 %: {interval('', day)} per camera and day" if day else "no rate can be told"
        name = f"{'false alarm' if figures.false_alarms == 1 else 'false alarms'} in {free}"
        cards.insert(1, (str(figures.false_alarms), name, between))
    return (
        '<div class="cards">\n'
        + "".join(
            f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span>'
            f'<span class="between">{escape(between)}</span></div>\n'
            for value, name, between in cards[:6]
        )
        + "</div>\n"
    )


def _figures(report: Report) -> str:
    parts = [_squares(report)]
    clips, figures = report.judged, report.figures
    if report.setup.task.event is not None and figures.auc is not None:
        values = [(clip.score or 0.0, clip.events > 0) for clip in clips]
        key = _key(("good", "clips with the event"), ("bad", "clips without"))
        parts.append(_figure("Confidence", draw.scores(values), _PEAK, key))
        parts.append(
            _figure(
                "How well confidence tells them apart",
                draw.curves(values),
                f"Area under the curve {number('auc', figures.auc.value)} "
                f"({interval('auc', figures.auc)}).",
            )
        )
    known = delays(clips)
    if known and figures.delay_p50_s and figures.delay_p95_s:
        parts.append(
            _figure(
                "Delay",
                draw.delays(known, figures.delay_p50_s.value, figures.delay_p95_s.value),
                f"{count(len(known), 'event', 'events')} whose beginning people marked.",
            )
        )
    if report.confusion:
        parts.append(
            _figure(
                "Truth and decision",
                draw.confusion(report.confusion),
                "Clips; the fuller a square, the larger its share of the row.",
                _key(("good", "right"), ("bad", "wrong")),
            )
        )
    pairs = [
        (float(clip.truth), float(clip.decision), clip.path)
        for clip in clips
        if isinstance(clip.truth, float) and isinstance(clip.decision, float)
    ]
    if pairs:
        caption = "One dot a clip: means over its seconds, or how many were seen together."
        parts.append(_figure("Counts", draw.counts(pairs), caption))
    return f'<h2>At a glance</h2>\n<div class="grid">\n{"".join(parts)}</div>\n'


def _squares(report: Report) -> str:
    """Every clip as one square, by label."""
    links = _links(report)
    rows: dict[str, list[str]] = {}
    for clip in report.clips:
        css, word = _outcome(clip, report.setup.task)
        note = escape(f"{clip.path}: {word}")
        link = links.get(clip.path)
        element = (
            f'<a href="#{link}" class="{css}" title="{note}" aria-label="{note}"></a>'
            if link
            else f'<i class="{css}" title="{note}"></i>'
        )
        rows.setdefault(clip.label, []).append(element)
    body = "".join(
        f"<span>{escape(label or 'no label')} <small>{len(some)}</small></span>"
        f"<div>{''.join(some)}</div>"
        for label, some in sorted(rows.items())
    )
    keys = [("good", "as it should be"), ("bad", "missed or wrong"), ("warn", "false alarm")]
    if report.setup.task.event is not None:
        keys = [
            ("good", "event alarmed"),
            ("bad", "event missed"),
            ("warn", "false alarm"),
            ("quiet", "nothing happened, nothing said"),
        ]
    if any(css == "warn" for css, _ in (_outcome(c, report.setup.task) for c in report.clips)):
        shown = keys
    else:
        shown = [entry for entry in keys if entry[0] != "warn"]
    return (
        f'<figure class="figure wide"><h3>Every clip</h3>{_key(*shown)}'
        f'<div class="squares{" many" if len(report.clips) > MANY else ""}">{body}</div></figure>\n'
    )


def _outcome(clip: Judged, task: Task) -> tuple[str, str]:
    if clip.error is not None:
        return "broken", "could not be judged"
    if task.event is not None:
        if clip.misses:
            return "bad", "missed"
        if clip.false_alarms:
            return "warn", count(clip.false_alarms, "false alarm", "false alarms")
        return ("good", "alarmed") if clip.hits else ("quiet", "quiet, as it should be")
    said = f"truth {clip.truth}, decision {clip.decision}"
    right = (clip.near or 0.0) >= 1.0 if task is Task.COUNT else clip.truth == clip.decision
    return ("good" if right else "bad"), said


def _breakdowns(report: Report) -> str:
    figures, tables = [], []
    for column, name in (("identity", "person"), ("group", "room or source"), ("camera", "camera")):
        rows = report.breakdowns[column]
        if len(rows) < 2:
            continue
        if len(rows) <= MOST_BARS and report.setup.task is not Task.COUNT:
            figures.append(_bars(rows, report, name))
        table = _table(rows, report, name)
        tables.append(f"<details><summary>Table by {name}</summary>{table}</details>\n")
    labels = _table(report.breakdowns["label"], report, "label")
    return (
        f'<h2>Who and where</h2>\n<div class="grid">{"".join(figures)}</div>\n{"".join(tables)}'
        f"<h3>By what the manifest says</h3>\n{labels}<h2>All figures</h2>\n{_all(report)}"
    )


def _bars(rows: Sequence[Row], report: Report, name: str) -> str:
    event = report.setup.task.event
    shown = []
    for row in rows:
        figure = row.figures.event_recall if event else row.figures.accuracy
        if event and not row.events:
            continue
        source = f"{row.hits} of {row.events}" if event else count(row.clips, "clip", "clips")
        shown.append((row.name or "unknown", figure, source))
    if not shown:
        return ""
    what = f"{event.plural} alarmed" if event else "clips decided right"
    caption = f"Share of {what}, by {name}, with its 95 % interval."
    return _figure(f"By {name}", draw.bars(shown), caption)


def _table(rows: Sequence[Row], report: Report, name: str) -> str:
    event, counts = report.setup.task.event, report.setup.task is Task.COUNT
    heads = [name, "clips", "footage"]
    heads += [event.plural, "alarmed", "recall", "false alarms"] if event else []
    heads += [] if event else ["accuracy", "mean error" if counts else "macro-F1"]
    body = []
    for row in rows:
        figures = row.figures
        cells = [row.name or "unknown", str(row.clips), span(row.hours * 3600)]
        if event:
            recall = figures.event_recall
            cells += [str(row.events), str(row.hits), share(recall.value) if recall else ""]
            cells.append(str(figures.false_alarms or 0))
        else:
            right, second = figures.accuracy, figures.mae if counts else figures.macro_f1
            cells += [share(right.value) if right else "", plain(second.value) if second else ""]
        body.append(cells)
    return _grid(heads, body)


def _all(report: Report) -> str:
    rows = [list(row) for row in lines(report)]
    return _grid(["figure", "value", "95 % interval", "from"], rows)


def _mistakes(replays: Sequence[Replay]) -> str:
    if not replays:
        return ""
    body = "".join(_replay(f"r{i}", replay) for i, replay in enumerate(replays, 1))
    misses = sum(replay.kind == "missed" for replay in replays)
    return (
        f"<h2>Every miss and every false alarm</h2>\n<p>{count(misses, 'miss', 'misses')} and "
        f"{count(len(replays) - misses, 'false alarm', 'false alarms')}. What plays is what the "
        "recognizer saw: poses of one standard body, no picture. Whom an alarm is about is red. "
        "Below each picture, red is the event as people marked it, and orange an alarm.</p>\n"
        f'<div class="replays">\n{body}</div>\n'
    )


def _replay(number_: str, replay: Replay) -> str:
    begin, end = _limits(replay)
    aspect = replay.observations[0].aspect if replay.observations else 16 / 9
    badge = "missed" if replay.kind == "missed" else "false"
    facts = list(_facts(replay))
    marks = []
    length = max(1, end - begin)
    if replay.event and replay.event.onset_s is not None and replay.event.end_s is not None:
        left = _within((replay.event.onset_s * 1000 - begin) / length)
        right = _within((replay.event.end_s * 1000 - begin) / length)
        if right > left:
            marks.append(
                f'<span style="left:{100 * left:.2f}%;width:{100 * (right - left):.2f}%" '
                'title="the event"></span>'
            )
    for t_s, behavior in replay.alarms:
        place = (t_s * 1000 - begin) / length
        if 0 <= place <= 1:
            marks.append(
                f'<i style="left:{100 * place:.2f}%" title="{escape(behavior)} alarm"></i>'
            )
    seen = f"replay of {replay.name}: {replay.kind}"
    return (
        f'<article class="replay" id="{number_}">\n<header>'
        f'<span class="badge {badge}">{escape(replay.kind)}</span><b>{escape(replay.name)}</b>'
        f"</header>\n"
        f'<canvas role="img" aria-label="{escape(seen)}" style="aspect-ratio:{aspect:.4f}">'
        "</canvas>\n"
        f'<div class="controls"><button type="button">Play</button><div class="track">'
        f'<input type="range" step="50" aria-label="position"><div class="marks">{"".join(marks)}'
        f"</div></div><output></output></div>\n"
        + (f"<p>{escape(replay.reason)}</p>\n" if replay.reason else "")
        + "<dl>"
        + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
        + "</dl>\n</article>\n"
    )


def _facts(replay: Replay) -> Iterator[tuple[str, str]]:
    yield "labelled", replay.label
    if replay.kind == "missed":
        shown = sum(bool(o.poses) for o in replay.observations)
        of = len(replay.observations)
        yield "somebody seen", f"{share(shown / of)} of the time" if shown else "never"
        yield "peak confidence", f"{replay.confidence:.2f}"
    else:
        yield "confidence", f"{replay.confidence:.2f}"
    if replay.event and replay.event.onset_s is not None:
        yield "event", f"{replay.event.onset_s:.1f} s – {replay.event.end_s:.1f} s"
    elif replay.event:
        yield "event", "somewhere in the clip; nobody marked when"
    for t_s, behavior in replay.alarms:
        yield "alarm", f"{behavior} at {t_s:.1f} s"
    for t_s, reason in replay.dismissed:
        yield f"taken back at {t_s:.1f} s", reason
    for measure in replay.measures:
        unit = f" {measure.unit}" if measure.unit else ""
        yield measure.name.replace("_", " "), f"{plain(measure.value)}{unit}"


def _clips(report: Report) -> str:
    links = _links(report)
    heads = ["clip", "label", "length", "truth", "decision", "score", "delay", "late frames"]
    body = []
    for clip in report.clips:
        link = links.get(clip.path)
        name = f'<a href="#{link}">{escape(clip.path)}</a>' if link else escape(clip.path)
        if clip.error is not None:
            body.append([name, escape(clip.label), escape(clip.error), "", "", "", "", ""])
            continue
        late = share(clip.frames_dropped / clip.frames_in) if clip.frames_in else ""
        body.append(
            [
                name,
                escape(clip.label),
                span(clip.duration_s),
                escape(str(clip.truth)),
                escape(str(clip.decision)),
                "" if clip.score is None else f"{clip.score:.2f}",
                f"{clip.delays_s[0]:.1f} s" if clip.delays_s else "",
                late,
            ]
        )
    return (
        f"<h2>All clips</h2>\n<details><summary>{count(len(body), 'clip', 'clips')}</summary>"
        f"{_grid(heads, body, raw=True)}</details>\n"
    )


def _method(report: Report) -> str:
    setup = report.setup
    drawn = {"identity": "persons", "group": "groups", "path": "clips"}[setup.cluster]
    names = len({getattr(clip, setup.cluster) for clip in report.judged})
    paragraphs = [
        "Every clip took the way of a camera: perception and retargeting as in the darkroom, then "
        "the recognizer and the incident engine as the cloud builds them for a camera that nobody "
        "has configured. Each clip began with a memory of nothing.",
        "At the pace live, a frame that came while an earlier one was still being looked at was "
        f"dropped, by the time that took on this machine ({setup.machine})."
        if str(setup.pace) == "live"
        else "At the pace fast, every frame was looked at, which no camera waits for: figures at "
        "the pace live are worse.",
    ]
    if setup.task.event is not None:
        words = ", ".join(sorted(setup.task.event.behaviors))
        paragraphs += [
            f"An alarm is an incident of {words}, at the time it opened. It is right if it opened "
            f"from {EARLY_S:g} s before a marked event until {LATE_S:g} s after its end, or "
            "anywhere in the clip where nobody marked the time. Each event takes one alarm; every "
            "other alarm is false, a second one about the same event too. Time without event is "
            "the length of clips without it, and of clips with marked events what lies outside; "
            "clips with an event at an unknown time add none.",
        ]
    if setup.task is Task.ACTION:
        paragraphs.append(
            "A clip's decision is the behaviour that was said most, by confidence, while the "
            "labelled one went on, among the behaviours that occur as labels here. Labels that "
            "are no behaviour of the vocabulary are left out."
        )
    if setup.task is Task.COUNT:
        paragraphs.append(
            "Where people counted from second to second, a clip's error is the mean over its "
            "seconds; where there is one number, it is held against the most people seen together "
            f"for {TOGETHER:.0%} of the clip. Accuracy is the share of counts that are off by at "
            "most one."
        )
    paragraphs.append(
        "Intervals hold 95 %: Wilson's for proportions, the exact one of Poisson counts for rates, "
        f"and for the rest {DRAWS} bootstrap draws of whole {drawn} ({names} here, seed "
        f"{setup.seed}). With fewer than {LEAST_CLUSTERS} of them no interval is given. Wilson's "
        "interval takes clips for independent; where two cameras saw the same event, it is "
        "narrower than it should be."
    )
    facts = [
        ("recognizer", setup.recognizer),
        ("weights", setup.weights or "none: rules"),
        *((f"perception {name}", digest) for name, digest in setup.perception),
        ("manifest", f"{setup.manifest[0]} {setup.manifest[1]}"),
        *setup.versions,
        ("seed", str(setup.seed)),
        *((f"left out: {why}", count(rows, "row", "rows")) for why, rows in setup.left_out),
    ]
    body = [[escape(name), f"<code>{escape(value)}</code>"] for name, value in facts]
    return (
        "<h2>Method and limits</h2>\n"
        + "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in paragraphs)
        + f"<details><summary>Versions and checksums</summary>"
        f"{_grid(['what', 'which'], body, raw=True)}</details>\n"
    )


def _links(report: Report) -> dict[str, str]:
    """Path → the first replay of it."""
    replays = [replay for clip in report.clips for replay in clip.replays]
    links: dict[str, str] = {}
    for i, replay in enumerate(replays, 1):
        links.setdefault(replay.name, f"r{i}")
    return links


def _data(replay: Replay) -> dict[str, Any]:
    begin, end = _limits(replay)
    event = replay.event
    poster = begin + (end - begin) * 0.5
    if replay.kind != "missed" and replay.alarms:
        poster = min(replay.alarms, key=lambda alarm: abs(alarm[0] * 1000 - poster))[0] * 1000
    elif event and event.onset_s is not None and event.end_s is not None:
        poster = (event.onset_s + event.end_s) * 500
    elif replay.observations:
        fullest = max(replay.observations, key=lambda o: (len(o.poses), -abs(o.key.t_ms - poster)))
        poster = fullest.key.t_ms
    # In the order of their coming, so that whoever is alone always has the same colour.
    colours: dict[int, int] = {}
    for observation in replay.observations:
        for pose in observation.poses:
            colours.setdefault(pose.subject_id, len(colours) % len(PALETTE))
    marked = frozenset(replay.subject_ids)
    return {
        "begin": begin,
        "end": end,
        "poster": round(min(max(poster, begin), end)),
        "frames": [_frame(o, marked, colours) for o in replay.observations],
    }


def _frame(
    observation: Observation, marked: frozenset[int], colours: Mapping[int, int]
) -> list[Any]:
    people = [
        [
            colours[pose.subject_id],
            int(pose.subject_id in marked),
            [_pack(primitive) for primitive in primitives(pose, observation.aspect)],
        ]
        for pose in observation.poses
    ]
    return [observation.key.t_ms, people]


def _pack(primitive: Primitive) -> list[Any]:
    """As integers: see ``paint`` in ``player.js``."""
    part = _PARTS.index(primitive.part) if primitive.part in _PARTS else 0
    return [
        _SHAPES.index(primitive.shape),
        part,
        round(100 * primitive.opacity),
        round(100 * primitive.angle),
        [round(10_000 * radius) for radius in primitive.radii],
        [round(1000 * value) for point in primitive.points for value in point],
    ]


def _limits(replay: Replay) -> tuple[int, int]:
    if not replay.observations:
        return 0, 1
    begin = replay.observations[0].key.t_ms
    return begin, max(begin + 1, replay.observations[-1].key.t_ms)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))


def _figure(title: str, svg: str, caption: str, key: str = "") -> str:
    head = f"<h3>{escape(title)}</h3>" if title else ""
    return (
        f'<figure class="figure">{head}{key}{svg}<figcaption>{escape(caption)}</figcaption>'
        "</figure>\n"
    )


def _key(*entries: tuple[str, str]) -> str:
    return (
        '<div class="key">'
        + "".join(f'<span><i class="{css}"></i>{escape(word)}</span>' for css, word in entries)
        + "</div>"
    )


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool = False) -> str:
    """A table; the cells are text unless `raw` says that they are HTML."""

    rows = [tuple(row) for row in rows]
    numeric = {
        i
        for i, name in enumerate(heads)
        if i
        and name not in _WORDS
        and any(row[i] for row in rows)
        and all(not row[i] or _is_number(row[i]) for row in rows)
    }

    def css(column: int) -> str:
        return ' class="path"' if column == 0 else ' class="n"' if column in numeric else ""

    head = "".join(f"<th{css(i)}>{escape(name)}</th>" for i, name in enumerate(heads))
    body = "".join(
        "<tr>"
        + "".join(f"<td{css(i)}>{x if raw else escape(x)}</td>" for i, x in enumerate(row))
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="box"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>'
        "</div>"
    )


def _is_number(text: str) -> bool:
    return text[0].isdigit() or text == NO_INTERVAL


def _asset(name: str) -> str:
    return (resources.files("mizaru.lab.evaluate") / "assets" / name).read_text(encoding="utf-8")
