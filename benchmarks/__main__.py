"""``make bench``: the edge beside its budgets and its peers, in one run.

This machine is noisy and so is yours: read the ratios.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import clips, darkroom, peers
from mizaru.edge.settings import Runtime
from mizaru.wire.budget import LIMIT_BYTES_PER_S

SIZES = ((640, 360), (640, 480))
PEOPLE = (1, 2, 4)
TARGET_FPS, TARGET_P95_MS = 25, 60


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--no-peers", action="store_true", help="skip deface and mediapipe")
    parser.add_argument("--runtime", choices=list(Runtime), default=Runtime.LITERT)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=160)  # a table in a file
    figures: dict[str, object] = {}

    table = Table(title=f"darkroom, {arguments.runtime} (target ≥ {TARGET_FPS} frames/s, "
                        f"p95 ≤ {TARGET_P95_MS} ms with two people)")  # fmt: skip
    columns = ("clip", "people found", "decode ms", "perceive ms", "desensitize ms", "encode ms",
               "CPU ms/frame", "frames/s", "capture→pipe ms", "late", "MB")  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right")
    results = {}
    for width, height in SIZES:
        for people in PEOPLE:
            clip = clips.walking_clip(people, width, height)
            result = darkroom.measure(clip, Runtime(arguments.runtime))
            results[clip] = result
            figures[clip.stem] = asdict(result)
            table.add_row(
                f"{people} × {width}×{height}",
                f"{result.people:.2f}",
                *(_pair(result.stages_ms[stage])
                  for stage in ("decode", "perceive", "desensitize", "encode")),
                f"{result.cpu_ms_per_frame:.1f}",
                f"{result.fps:.1f}",
                _pair(result.live_ms),
                str(result.live_dropped),
                f"{result.rss_mb:.0f}",
            )  # fmt: skip
    console.print(table, "milliseconds are p50 / p95; capture→pipe and late frames at 25 fps live")

    wire = Table(title=f"bytes per second (budget {LIMIT_BYTES_PER_S})")
    for column in ("clip", "ours", "H.264 of the clip", "ours ÷ H.264", "ours ÷ budget"):
        wire.add_column(column, justify="right")
    for clip, result in results.items():
        ours, video = result.bytes_per_s, result.h264_bytes_per_s
        wire.add_row(clip.stem, f"{ours:.0f}", f"{video:.0f}", f"{ours / video:.3f}",
                     f"{ours / LIMIT_BYTES_PER_S:.2f}")  # fmt: skip
    console.print(wire)

    if not arguments.no_peers:
        clip = clips.walking_clip(2, 640, 360)
        ours = results[clip]
        beside = Table(title=f"what a user would otherwise pick, on {clip.stem}, all cores")
        for column in (
            "tool",
            "frames/s",
            "p50 ms",
            "p95 ms",
            "frames with a hit",
            "ours ÷ theirs",
        ):
            beside.add_column(column, justify="right")
        for peer in peers.PEERS:
            theirs = peers.measure(peer, clip, clips.CACHE)
            figures[peer] = asdict(theirs)
            beside.add_row(
                peer,
                f"{theirs.fps:.1f}",
                f"{theirs.p50_ms:.1f}",
                f"{theirs.p95_ms:.1f}",
                str(theirs.hits),
                f"{ours.fps / theirs.fps:.2f}× frames/s",
            )
        beside.add_row(
            "mizaru darkroom", f"{ours.fps:.1f}", *(f"{ms:.1f}" for ms in ours.live_ms), "", "1"
        )
        console.print(beside)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def _pair(milliseconds: tuple[float, float]) -> str:
    return f"{milliseconds[0]:.1f} / {milliseconds[1]:.1f}"


if __name__ == "__main__":
    main()
