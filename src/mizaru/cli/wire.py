"""``mizaru wire``: how much can leave a camera, what does leave it, and in which format."""

from __future__ import annotations

import json as jsonlib
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from mizaru.errors import SettingsError, WireError
from mizaru.wire import budget as wire_budget
from mizaru.wire.codec import box_xyxy, decode_from_edge, unpack_pose
from mizaru.wire.messages import (
    Bye,
    ChannelRecord,
    FromEdge,
    Hello,
    PoseRecord,
    Representation,
    Segment,
    Status,
    Withheld,
    plate_digest,
)

RATE_WINDOW_S: Final = 10.0
_WITHHELD: Final = {
    Withheld.NOBODY: "nobody is there",
    Withheld.SPENT: "somebody's budget is spent",
    Withheld.FAILED: "the encoder failed",
    Withheld.RESTING: "not yet again",
}

app = typer.Typer(
    help="The wire between edge and cloud: its budget, its schema, and a tap.",
    no_args_is_help=True,
)


@app.command()
def budget(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the worst-case bytes per second of one camera, computed from the message types.

    Ends with status 76 if that is more than the limit.

    Example: mizaru wire budget --json
    """
    rows, total = wire_budget.rows(), wire_budget.bytes_per_second()
    limit = wire_budget.LIMIT_BYTES_PER_S
    if json:
        typer.echo(jsonlib.dumps(_budget_document(), indent=2))
    else:
        console = Console(highlight=False)
        table = Table(title="Worst case of one camera, edge → cloud", title_justify="left")
        table.add_column("part")
        for name in ("bytes each", "per second", "bytes/s", "kbit/s"):
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                row.what,
                f"{row.bytes_each:,}",
                f"{row.per_second:.4g}",
                f"{row.bytes_per_s:,.1f}",
                _kbit(row.bytes_per_s),
            )
        table.add_section()
        table.add_row("sum", "", "", f"{total:,.1f}", _kbit(total))
        table.add_row("limit", "", "", f"{limit:,.1f}", _kbit(limit))
        console.print(table)
        console.print(
            "Seconds of camera time. Not counted: TCP/IP headers, the opening handshake,\n"
            "acknowledgements (they go the other way)."
        )
    if total > limit:
        raise WireError(f"the worst case is over the limit by {total - limit:.1f} bytes/s")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the messages between edge and cloud.

    Example: mizaru wire schema > docs/schema/wire.schema.json
    """
    from mizaru.wire.schema import wire_schema_text

    typer.echo(wire_schema_text(), nl=False)


@app.command()
def tap(
    config: Annotated[
        Path | None,
        typer.Argument(help="The edge's TOML file.", show_default=False),
    ] = None,
    spool: Annotated[
        Path | None, typer.Option(help="The edge's spool, instead of CONFIG.", show_default=False)
    ] = None,
    hex: Annotated[bool, typer.Option("--hex", help="Print the raw bytes as well.")] = False,
) -> None:
    """Show, as it happens, exactly what leaves a running edge.

    Each message with its time, kind and size, the bytes per second of the last ten seconds
    beside the budget, and all of its content in words. A slow terminal never slows the edge.

    Example: mizaru wire tap examples/edge.toml
    """
    from mizaru.edge.settings import load_edge_settings
    from mizaru.edge.tap import listen, tap_path

    if (config is None) == (spool is None):
        raise SettingsError("name either the edge's CONFIG or its --spool")
    if config is not None:
        spool = Path(load_edge_settings(config).spool.path)
    assert spool is not None
    console = Console(highlight=False, markup=False, soft_wrap=True)
    rate = Rate()
    for copy in listen(tap_path(spool)):
        if copy.missed:
            console.print(f"… {copy.missed} messages not shown: this terminal was too slow …")
        message = decode_from_edge(copy.data)
        for camera in _cameras(message):
            rate.see(camera)
        per_s = rate.add(copy.t_ms / 1000, len(copy.data))
        share = per_s / wire_budget.LIMIT_BYTES_PER_S
        size = f"{len(copy.data):,} B"
        kind = type(message).__name__.lower()
        console.print(
            f"{_clock(copy.t_ms)}  {kind:8}{size:>9}  {per_s:7,.0f} B/s"
            f" ({share:4.0%} of the budget)  {_headline(message)}",
            style="bold",
        )
        for line in describe(message):
            console.print(f"    {line}")
        if hex:
            for start in range(0, len(copy.data), 32):
                console.print(f"    {start:05x}  {copy.data[start : start + 32].hex(' ', 4)}")


class Rate:
    """Bytes per second and camera over the last `RATE_WINDOW_S`, WebSocket framing included."""

    def __init__(self) -> None:
        self._sent: deque[tuple[float, int]] = deque()
        self._cameras: set[str] = set()
        self._begun: float | None = None

    def see(self, camera: str) -> None:
        """Count a camera that shares the connection."""
        self._cameras.add(camera)

    def add(self, t_s: float, payload: int) -> float:
        """Count one message; returns the rate now."""
        self._begun = t_s if self._begun is None else self._begun
        self._sent.append((t_s, payload + wire_budget.framing(payload)))
        while self._sent[0][0] < t_s - RATE_WINDOW_S:
            self._sent.popleft()
        seconds = min(RATE_WINDOW_S, max(1.0, t_s - self._begun))
        return sum(size for _, size in self._sent) / seconds / max(1, len(self._cameras))


def describe(message: FromEdge) -> Iterator[str]:
    """All that a message says, in words."""
    match message:
        case Hello():
            yield f"edge {message.edge.hex()}"
            for offer in message.offers:
                held = f"{offer.first} … {offer.last}" if offer.first <= offer.last else "nothing"
                yield f"{offer.camera}: stream {offer.stream.hex()}, holds {held}"
        case Segment():
            yield f"stream {message.stream.hex()}, follows {message.previous.hex()}"
            if message.plate is not None:
                image = message.plate.image
                yield (
                    f"plate {plate_digest(image).hex()}: {len(image):,} B of WebP,"
                    f" {message.plate.known_percent} % of the room known"
                )
            if message.channel is not None:
                yield _channel(message.channel)
            for representation in message.representations:
                yield _representation(representation)
                for record in representation.poses:
                    yield f"    {_pose(record)}"
        case Status():
            yield (
                f"{message.frames_in} frames in, {message.frames_dropped} dropped,"
                f" {message.fps_tenths / 10:.1f} fps, capture → pipe p50 {message.pipe_p50_ms}"
                f" p95 {message.pipe_p95_ms} ms, {message.restarts} restarts,"
                f" {message.bytes_out:,} B out of the darkroom, {message.spooled} segments wait,"
                f" {'locked in' if message.sandboxed else 'NOT LOCKED IN'}"
            )
        case Bye():
            yield "every source has ended and everything is acknowledged"


def _headline(message: FromEdge) -> str:
    match message:
        case Hello():
            return f"protocol {message.version}"
        case Segment():
            count = sum(len(r.poses) for r in message.representations)
            return (
                f"{message.camera} #{message.number}  {message.width}×{message.height}"
                f"  {len(message.representations)} representations, {count} poses"
            )
        case Status():
            return f"{message.camera}  {message.state}"
        case Bye():
            return ""


def _representation(representation: Representation) -> str:
    plate = representation.plate.hex() or "none yet"
    embedding = representation.embedding
    extra = ""
    if embedding is not None:
        step = embedding.scale / 1024
        values = " ".join(f"{step * v:+.2f}" for v in memoryview(embedding.z).cast("b"))
        extra = f", z ({values}), {representation.spent_percent} % of a budget spent"
    elif representation.withheld:
        extra = f", no z: {_WITHHELD[representation.withheld]}"
    return f"{_clock(representation.t_ms)} frame {representation.frame_id}, plate {plate}{extra}"


def _channel(channel: ChannelRecord) -> str:
    return (
        f"z: {channel.width} entries, clipped to {channel.clip / 1000:g}, noise"
        f" {channel.sigma / 1000:g} ({channel.sticky_percent} % of it kept for a whole track),"
        f" {channel.budget:,} nats a track, weights {channel.weights.hex()}"
    )


def _pose(record: PoseRecord) -> str:
    pose = unpack_pose(record)
    u0, v0, u1, v1 = box_xyxy(pose.keypoints)
    seen = int((pose.keypoints[:, 2] > 0).sum())
    head = pose.head
    looks = f", head {head.yaw:+.0f}° {head.pitch:+.0f}° {head.roll:+.0f}°" if head else ""
    return (
        f"subject {record.subject:08x}: {seen}/17 keypoints,"
        f" u {u0:.2f}…{u1:.2f} v {v0:.2f}…{v1:.2f}{looks}"
    )


def _cameras(message: FromEdge) -> tuple[str, ...]:
    match message:
        case Hello():
            return tuple(offer.camera for offer in message.offers)
        case Segment() | Status():
            return (message.camera,)
        case Bye():
            return ()


def _clock(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _kbit(bytes_per_s: float) -> str:
    return f"{bytes_per_s * 8 / 1000:,.2f}"


def _budget_document() -> dict[str, object]:
    return {
        "parts": [
            {
                "what": row.what,
                "bytes_each": row.bytes_each,
                "per_second": row.per_second,
                "bytes_per_s": row.bytes_per_s,
            }
            for row in wire_budget.rows()
        ],
        "largest_bytes": {
            kind.__name__: wire_budget.largest_message(kind) for kind in wire_budget.MESSAGES
        },
        "bytes_per_s": wire_budget.bytes_per_second(),
        "limit_bytes_per_s": wire_budget.LIMIT_BYTES_PER_S,
    }
