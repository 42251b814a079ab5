"""An audit as one HTML file for a data-protection officer: words, curves, pictures, tables, method.

The file needs nothing from outside, runs no script, and says so in its policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources
from typing import Final

from mizaru.lab.audit import plots
from mizaru.lab.audit.report import (
    TOP1,
    Target,
    plain,
    questions,
    subject,
    summary,
    targets,
    title,
)
from mizaru.lab.audit.results import USES, Record, Results, Shown

_STYLE: Final = """
.pictures { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-end; }
.pictures figure { margin: 0; }
.pictures img {
  display: block; height: 200px; border-radius: 8px; background: var(--room);
  image-rendering: pixelated;
}
.pictures figcaption { font-size: 13px; color: var(--muted); margin-top: 4px; max-width: 260px; }
.void { color: var(--muted); font-style: italic; }
tr.ours td { font-weight: 600; }
.met { color: var(--good); } .missed { color: var(--bad); }
"""
_MOST_EXAMPLES: Final = 16
_FEW_LADDERS: Final = 12


def page(results: Results, showcase: Sequence[Shown] = (), examples: Sequence[Shown] = ()) -> str:
    """The whole document.

    Args:
        showcase: what representations look like.
        examples: what attackers made of them.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    css = (resources.files("mizaru.lab.evaluate") / "assets" / "page.css").read_text("utf-8")
    heading = title(results)
    body = "".join(
        [
            _head(results, heading),
            _targets(list(targets(results))),
            _figures(results),
            _pictures(showcase, examples),
            _tables(results),
            _method(results),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)}</title>\n<style>\n{css}{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _head(results: Results, heading: str) -> str:
    first, *rest = list(summary(results)) or [""]
    name = subject(results)
    words = results.representations.get(name, "")
    return (
        f'<p class="eyebrow">Mizaru · privacy audit · profile {escape(results.profile)} · about '
        f"{escape(name)}: {escape(words)}</p>\n<h1>{escape(heading)}</h1>\n"
        f'<p class="lead">{escape(first)}</p>\n<ul>\n'
        + "".join(f"<li>{escape(sentence)}</li>\n" for sentence in rest)
        + "</ul>\n"
    )


def _targets(found: Sequence[Target]) -> str:
    if not found:
        return ""
    rows = []
    for target in found:
        word, css = {True: ("met", "met"), False: ("missed", "missed"), None: ("open", "muted")}[
            target.met
        ]
        cells = f"<td>{escape(target.words)}</td><td>{escape(target.measured)}</td>"
        rows.append(f'<tr>{cells}<td class="{css}">{word}</td></tr>')
    price = _price() if any(target.met is False for target in found) else ""
    return (
        '<h2>What was aimed at</h2>\n<div class="box"><table><thead><tr><th>aim</th>'
        f"<th>measured</th><th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>\n"
        f"{price}"
    )


def _price() -> str:
    """What it would cost to come nearer to what was missed: measured once, and shipped."""
    return _figure(
        "What it would cost to come nearer",
        (resources.files("mizaru.lab.audit") / "assets" / "price.svg").read_text("utf-8"),
        "Poses made coarser on purpose: what attackers gain by them, and what is still recognised. "
        "Not from this run, but from python -m benchmarks.pose_channel; discussed in "
        "docs/decisions/0012.",
    )


def _figures(results: Results) -> str:
    ours, parts = subject(results), []
    points = list(_points(results))
    if len(points) > 2:
        parts.append(
            _figure(
                "Leak against use",
                plots.tradeoff(points, "people named, most frames", "behaviours read", ours),
                "Upper left is where one wants to be: what people do can be told, who they are "
                "cannot. Same clothes; people whom the behaviour probe never saw.",
            )
        )
    asked = list(questions(results))
    longest = [(question, rows) for question, rows in asked if question[:2] == ("identity", TOP1)]
    for clothes in ("clothes constant", "clothes changed"):
        some = [
            rows for question, rows in longest if question[3] == "sim" and clothes in question[2]
        ]
        void = any(row.void for row in some[-1] if row.representation == ours) if some else True
        if not void and (svg := plots.growth(some[-1])):
            parts.append(
                _figure(
                    f"People named over frames, {clothes}",
                    svg,
                    "Top-1 of the best attacker. The broken line is chance.",
                )
            )
    for (attack, measure, setting, dataset), rows in _worth_drawing(asked):
        lower = "" if rows[0].higher_leaks else " The shorter the bar, the more is told."
        caption = (
            f"{setting or 'all'}; {dataset}. Whiskers hold 95 %; the broken line is chance.{lower}"
        )
        parts.append(_figure(f"{attack}: {measure}", plots.ladder(rows, ours), caption))
    return f'<h2>Curves</h2>\n<div class="grid">\n{"".join(parts)}</div>\n'


def _preferred(question: tuple[str, str, str, str]) -> bool:
    return question[0] != "identity" or "clothes constant" in question[2]


def _worth_drawing(
    asked: Sequence[tuple[tuple[str, str, str, str], tuple[Record, ...]]],
) -> Iterator[tuple[tuple[str, str, str, str], tuple[Record, ...]]]:
    """Of each attack, measure and dataset the last setting, if several representations have it."""
    last = {}
    for question, rows in asked:
        drawn = sum(not row.void for row in rows) > 1 and _preferred(question)
        if question[0] in USES or question[1] == "top-5" or not drawn:
            continue
        last[question[0], question[1], question[3]] = (question, rows)
    yield from list(last.values())[:_FEW_LADDERS]


def _points(results: Results) -> Iterator[tuple[str, float, float]]:
    """(representation, top-1 with most frames, behaviours named) on the sim."""
    use = {
        row.representation: row.value
        for row in results.rows
        if row.attack in USES and row.dataset == "sim"
    }
    named: dict[str, float] = {}
    for row in results.rows:
        asked = (row.attack, row.measure, row.dataset) == ("identity", TOP1, "sim")
        if asked and "clothes constant" in row.setting and row.value is not None:
            named[row.representation] = row.value  # the longest T comes last
    for name, value in named.items():
        other = use.get(name)
        if other is not None:
            yield name, value, other


def _pictures(showcase: Sequence[Shown], examples: Sequence[Shown]) -> str:
    if not showcase and not examples:
        return ""
    parts = ["<h2>What was attacked, and what became of it</h2>\n"]
    for example in (*showcase, *examples[:_MOST_EXAMPLES]):
        pictures = "".join(
            f'<figure><img alt="{escape(picture.caption)}" '
            f'src="data:image/png;base64,{picture.png}"><figcaption>{escape(picture.caption)}'
            "</figcaption></figure>"
            for picture in example.pictures
        )
        parts.append(f'<h3>{escape(example.title)}</h3>\n<div class="pictures">{pictures}</div>\n')
    left = len(examples) - _MOST_EXAMPLES
    if left > 0:
        parts.append(f"<p>{left} more are in the files beside this page.</p>\n")
    return "".join(parts)


def _tables(results: Results) -> str:
    parts = ["<h2>All rows</h2>\n"]
    ours = subject(results)
    for attack, words in results.attacks.items():
        rows = [row for row in results.rows if row.attack == attack]
        if not rows:
            continue
        void = sum(bool(row.void) for row in rows)
        note = f", {void} void" if void else ""
        parts.append(
            f"<details><summary>{escape(attack)}: {escape(words)} ({len(rows)} rows{note})"
            f"</summary>{_table(rows, ours)}</details>\n"
        )
    if results.failed:
        lines = "".join(
            f"<li>{escape(a)} on {escape(r)}: {escape(why)}</li>" for r, a, why in results.failed
        )
        parts.append(f"<h3>Not run</h3>\n<ul>{lines}</ul>\n")
    return "".join(parts)


def _table(rows: Iterable[Record], ours: str) -> str:
    heads = ("representation", "measure", "setting", "data", "value", "95 %", "chance", "raw")
    head = "".join(f"<th>{name}</th>" for name in (*heads, "best of", "by"))
    lines = []
    for row in rows:
        css = ' class="ours"' if row.representation == ours else ""
        cells = [row.representation.replace("_", " "), row.measure, row.setting, row.dataset]
        if row.void:
            tail = f'<td colspan="2" class="void">void: {escape(row.void)}</td>'
        else:
            between = f"{plain(row, row.low)} – {plain(row, row.high)}"
            tail = f'<td class="n">{plain(row, row.value)}</td><td class="n">{between}</td>'
        tail += (
            f'<td class="n">{plain(row, row.chance)}</td><td class="n">{plain(row, row.raw)}</td>'
        )
        tail += f'<td class="n">{row.tried or ""}</td><td>{escape(row.family)}</td>'
        lines.append(
            f"<tr{css}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}{tail}</tr>\n"
        )
    return (
        f'<div class="box"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        "</table></div>"
    )


def _method(results: Results) -> str:
    controls = ", ".join(name.replace("_", " ") for name in results.controls)
    paragraphs = (
        "Attackers are adaptive: they know how a representation is made and learn on it. Each "
        "figure is the best of at least three families of classifiers (shrunken linear "
        "discriminants, nearest neighbours, networks, randomised trees), each started several "
        "times with other choices; “best of” counts them all. Every contest is fought twice "
        "with the visits to learn from and to test on swapped: the attacker that was best in one "
        "fight is judged in the other, so that luck is not counted as skill. Noise, which holds "
        "nothing, passes the same choice and has to come out at chance.",
        "Raw is the same attack on the unprotected picture, chance what guessing gives. Positive "
        f"controls are {controls}: where an attack does not clear chance on any of them, the row "
        "is void and proves nothing.",
        "Intervals hold 95 %. They come from a bootstrap over persons with all their visits, "
        "widened to Wilson's over visits; never over frames, which resemble each other.",
        "The sim's people are drawn bodies with drawn clothes and gaits; they are fewer and "
        "simpler than real people, and their clothes are easier to tell apart. Figures on them "
        "compare representations with each other; they are no forecast for a building. The "
        "pictures are 384 × 216, perception is the product's own.",
        "For poses and plates no bound is claimed: the number of bits and these attacks are what "
        "is known of them. For embeddings with noise see mizaru ledger.",
    )
    facts = [
        *(
            (
                f"data {data.name}",
                f"{data.people} people, {data.visits} visits, {data.ticks} frames, "
                f"{data.sha256[:16]}…",
            )
            for data in results.datasets
        ),
        *results.versions.items(),
        ("seed", str(results.seed)),
        *((f"shown: {name}", words) for name, words in results.representations.items()),
    ]
    body = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(value)}</code></td></tr>"
        for name, value in facts
    )
    return (
        "<h2>Method and limits</h2>\n"
        + "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in paragraphs)
        + "<details><summary>Versions and checksums</summary>"
        f'<div class="box"><table><tbody>{body}</tbody></table></div></details>\n'
    )


def _figure(heading: str, svg: str, caption: str) -> str:
    return (
        f'<figure class="figure"><h3>{escape(heading)}</h3>{svg}'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )
