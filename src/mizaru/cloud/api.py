"""REST, the live WebSocket and the dashboard's files, on one address.

Only pages of this very origin may open the live WebSocket, and requests under a foreign host
name (DNS rebinding) are refused. Nothing here changes anything: all methods read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response, WebSocket
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from mizaru import __version__
from mizaru.cloud.events import (
    Camera,
    CameraSensitivity,
    FeedbackRequest,
    Health,
    IncidentEvent,
    IncidentTrace,
    Ledger,
    LiveEvent,
    Problem,
    Recognizer,
    SceneEvent,
    StatusEvent,
    Zone,
)
from mizaru.cloud.incident import Verdict
from mizaru.cloud.ledger import ledger_page
from mizaru.cloud.live import Live, Viewer
from mizaru.cloud.moment import (
    incident_event,
    recognizer_event,
    sensitivity_event,
    status_event,
    trace_event,
    trace_span,
)
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.cloud.store import Store, StoredCamera, StoredIncident
from mizaru.errors import StorageFullError
from mizaru.ledger.calibration import Card
from mizaru.wire.messages import SEGMENT_MS, Plate

DASHBOARD: Final = Path(__file__).with_name("dashboard")
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1")
MAX_INCIDENTS: Final = 200
MAX_TRACKS: Final = 200
MAX_OPEN_AT_ONCE: Final = 1000
"""Open incidents told to a viewer who connects."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

CameraName = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=32)]
CameraQuery = Annotated[
    str | None,
    Query(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=32, description="only of this camera"),
]
IncidentId = Annotated[str, PathParameter(max_length=64)]
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem}}
_MAY_FAIL: Final[dict[int | str, dict[str, Any]]] = {
    **_NOT_FOUND,
    403: {"model": Problem, "description": "Asked by a page of another origin"},
    507: {"model": Problem, "description": "No room on the disk; nothing was stored"},
}
_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Not Modified"},
    **_NOT_FOUND,
}


class Desk(Protocol):
    """Where operators say something."""

    async def judge(self, incident_id: str, verdict: Verdict | None, note: str) -> IncidentEvent:
        """Take an operator's word about an incident, or take it back (None); raises `KeyError`
        where there is no such incident, and `StorageFullError`."""
        ...

    async def discount(self, camera: str) -> None:
        """Let nothing said so far count for a camera's sensitivity; `StorageFullError`."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """All that the outside may look at, and the one place where it may say something.

    Attributes:
        cameras: settings by id, in the order of the file.
        health: how the cloud itself is, now.
        cards: of encoders, by their weights' four bytes.
    """

    store: Store
    live: Live
    cameras: Mapping[str, CloudCameraSettings]
    health: Callable[[], Health]
    desk: Desk
    cards: Mapping[bytes, Card]


def build_app(view: View, *, dashboard: Path = DASHBOARD, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The web application.

    Args:
        dashboard: folder of the built dashboard; need not exist.
        hosts: names, besides the loopback's, under which it may be called.
    """
    app = FastAPI(
        title="Mizaru",
        version=__version__,
        description="What the cloud of Mizaru knows. Behind `/api/v1/live` is a WebSocket whose "
        "messages are `LiveEvent`s.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
    )
    app.add_exception_handler(RequestValidationError, _out_of_bounds)
    app.include_router(_rest(view))
    app.include_router(_live(view))
    app.include_router(_pages(dashboard))
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK_NAMES, *hosts])
    app.add_middleware(_SecurityHeaders)
    _describe_live(app)
    return app


def openapi_document() -> str:
    """The published OpenAPI document, as text; needs no running cloud."""

    def nothing() -> Any:
        raise NotImplementedError("a document answers no requests")

    view = View(store=None, live=None, cameras={}, health=nothing, desk=None, cards={})  # type: ignore[arg-type]
    return json.dumps(build_app(view).openapi(), indent=2) + "\n"


async def _out_of_bounds(_: Request, error: Exception) -> Response:
    """One line, which a dashboard can show; what was sent is not sent back."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    line = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    # Keys and words of the sender may be no Unicode.
    return JSONResponse({"detail": line.encode(errors="replace").decode()}, status_code=422)


def _rest(view: View) -> APIRouter:
    api = APIRouter(prefix="/api/v1", responses={422: {"model": Problem}})

    @api.get("/cameras", operation_id="listCameras", tags=["cameras"])
    def cameras() -> list[Camera]:
        """Every camera of the settings, and every one that ever sent something."""
        stored = view.store.cameras()
        ids = list(dict.fromkeys([*view.cameras, *stored]))
        return [_camera(view, camera, stored.get(camera)) for camera in ids]

    @api.get(
        "/cameras/{camera}/scene",
        operation_id="getScene",
        tags=["cameras"],
        responses=_NOT_FOUND,
    )
    async def scene(camera: CameraName) -> SceneEvent:
        """The latest scene since the cloud started."""
        moment = view.live.scene(camera)
        if moment is None:
            raise HTTPException(404, f"camera {camera!r} has shown nothing yet")
        return moment.scene()

    @api.get(
        "/cameras/{camera}/plate",
        operation_id="getCameraPlate",
        tags=["cameras"],
        response_class=Response,
        responses=_PICTURE,
    )
    def camera_plate(camera: CameraName, request: Request) -> Response:
        """The current plate: the room without people."""
        stored = view.store.camera(camera)
        plate = view.store.plate(stored.plate) if stored and stored.plate else None
        if stored is None or stored.plate is None or plate is None:
            raise HTTPException(404, f"camera {camera!r} has sent no plate yet")
        return _picture(plate, stored.plate, request, caching="no-cache")

    @api.get(
        "/plates/{digest}",
        operation_id="getPlate",
        tags=["cameras"],
        response_class=Response,
        responses=_PICTURE,
    )
    def plate(
        digest: Annotated[str, PathParameter(pattern=r"^[0-9a-f]{16}$")], request: Request
    ) -> Response:
        """A plate by its digest; it never changes."""
        found = view.store.plate(bytes.fromhex(digest))
        if found is None:
            raise HTTPException(404, f"there is no plate {digest}; it may be too old")
        caching = "private, max-age=31536000, immutable"
        return _picture(found, bytes.fromhex(digest), request, caching=caching)

    @api.get("/incidents", operation_id="listIncidents", tags=["incidents"], responses=_NOT_FOUND)
    def incidents(
        camera: CameraQuery = None,
        state: Annotated[Literal["open", "closed"] | None, Query()] = None,
        before: Annotated[
            str | None,
            Query(max_length=64, description="only those that opened before this incident"),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_INCIDENTS)] = 50,
    ) -> list[IncidentEvent]:
        """Incidents as they stand, the last opened first."""
        is_open = None if state is None else state == "open"
        try:
            found = view.store.incidents(camera=camera, is_open=is_open, before=before, limit=limit)
        except KeyError:
            raise HTTPException(404, f"there is no incident {before}") from None
        return [_incident(one) for one in found]

    @api.get(
        "/incidents/{incident}",
        operation_id="getIncident",
        tags=["incidents"],
        responses=_NOT_FOUND,
    )
    def incident(incident: IncidentId) -> IncidentEvent:
        """One incident as it stands."""
        found = view.store.incident(incident)
        if found is None:
            raise HTTPException(404, f"there is no incident {incident}")
        return _incident(found)

    @api.get(
        "/incidents/{incident}/history",
        operation_id="getIncidentHistory",
        tags=["incidents"],
        responses=_NOT_FOUND,
    )
    def history(incident: IncidentId) -> list[IncidentEvent]:
        """Everything that happened to an incident, in order, each with what is said of it now."""
        found = view.store.history(incident)
        if not found:
            raise HTTPException(404, f"there is no incident {incident}")
        return [_incident(one) for one in found]

    @api.get(
        "/incidents/{incident}/trace",
        operation_id="getIncidentTrace",
        tags=["incidents"],
        responses=_NOT_FOUND,
    )
    def trace(incident: IncidentId) -> IncidentTrace:
        """How those it is about went up and down when it opened, as far as that is still kept."""
        found = view.store.incident(incident)
        if found is None:
            raise HTTPException(404, f"there is no incident {incident}")
        from_ms, to_ms = trace_span(found.incident)
        # A segment begins up to half a second before its last representation.
        encoded = view.store.window(found.incident.camera_id, from_ms - SEGMENT_MS, to_ms)
        return trace_event(found.incident, encoded)

    @api.put(
        "/incidents/{incident}/feedback",
        operation_id="judgeIncident",
        tags=["incidents"],
        responses=_MAY_FAIL,
        dependencies=[Depends(_own_pages_only)],
    )
    async def judge_incident(incident: IncidentId, said: FeedbackRequest) -> IncidentEvent:
        """Say whether an incident was what it was called; the last word stands. The camera's
        recognizer follows at once, and no other camera's does."""
        return await _judged(view.desk, incident, said.verdict, said.note)

    @api.delete(
        "/incidents/{incident}/feedback",
        operation_id="takeBackFeedback",
        tags=["incidents"],
        responses=_MAY_FAIL,
        dependencies=[Depends(_own_pages_only)],
    )
    async def take_back_feedback(incident: IncidentId) -> IncidentEvent:
        """Take back what was said of an incident; the recognizer is as if it never was."""
        return await _judged(view.desk, incident, None, "")

    @api.get("/recognizer", operation_id="getRecognizer", tags=["recognizer"])
    def recognizer() -> Recognizer:
        """What recognises behaviour here, and what is known of how well."""
        return recognizer_event()

    @api.get(
        "/cameras/{camera}/sensitivity",
        operation_id="getSensitivity",
        tags=["recognizer"],
        responses=_NOT_FOUND,
    )
    def camera_sensitivity(camera: CameraName) -> CameraSensitivity:
        """How sure the recognizer must be at a camera, before and after what operators said."""
        if camera not in view.cameras and view.store.camera(camera) is None:
            raise HTTPException(404, f"there is no camera {camera}")
        return sensitivity_event(camera, view.store.feedback(camera))

    @api.delete(
        "/cameras/{camera}/sensitivity",
        operation_id="resetSensitivity",
        tags=["recognizer"],
        responses=_MAY_FAIL,
        dependencies=[Depends(_own_pages_only)],
    )
    async def reset_sensitivity(camera: CameraName) -> CameraSensitivity:
        """Let nothing that was said so far count for this camera. What was said stays with the
        incidents; said again, it counts again."""
        await asyncio.to_thread(camera_sensitivity, camera)  # is there such a camera?
        try:
            await view.desk.discount(camera)
        except StorageFullError as error:
            raise HTTPException(507, str(error)) from None
        return await asyncio.to_thread(camera_sensitivity, camera)

    @api.get("/ledger", operation_id="getLedger", tags=["ledger"])
    def ledger(
        camera: CameraQuery = None,
        before: Annotated[
            int | None,
            Query(ge=1, le=2**63 - 1, description="only tracks with a smaller `number`"),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_TRACKS)] = 50,
    ) -> Ledger:
        """The privacy ledger: what each camera sent, and what was said of each visit at most."""
        return ledger_page(view.store, view.cards, camera=camera, before=before, limit=limit)

    @api.get("/health", operation_id="getHealth", tags=["health"])
    async def health() -> Health:
        """How the cloud itself is."""
        return view.health()

    @api.get("/{rest:path}", include_in_schema=False)
    async def nothing_here(rest: str) -> Response:
        raise HTTPException(404, f"there is no /api/v1/{rest[:80]}")

    return api


def _incident(stored: StoredIncident) -> IncidentEvent:
    return incident_event(stored.incident, stored.change, stored.judgement)


async def _judged(desk: Desk, incident: str, verdict: Verdict | None, note: str) -> IncidentEvent:
    try:
        return await desk.judge(incident, verdict, note)
    except KeyError:
        raise HTTPException(404, f"there is no incident {incident}") from None
    except StorageFullError as error:
        raise HTTPException(507, str(error)) from None


def _camera(view: View, camera: str, stored: StoredCamera | None) -> Camera:
    settings = view.cameras.get(camera) or CloudCameraSettings(id=camera)
    status = view.live.statuses.get(camera)
    if status is None and stored is not None and stored.status is not None:
        status = status_event(stored.status, connected=False)
    return Camera(
        id=camera,
        name=settings.name or camera,
        width=stored.width if stored else None,
        height=stored.height if stored else None,
        zones=tuple(
            Zone(name=zone.name, kind=zone.kind, polygon=zone.polygon, hours=zone.hours)
            for zone in settings.zone
        ),
        plate=stored.plate.hex() if stored and stored.plate else None,
        plate_known_percent=stored.known_percent if stored else None,
        status=status,
        person_count=view.live.person_count(camera),
    )


def _picture(plate: Plate, digest: bytes, request: Request, *, caching: str) -> Response:
    headers = {"ETag": f'"{digest.hex()}"', "Cache-Control": caching}
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(plate.image, media_type="image/webp", headers=headers)


# The live WebSocket --------------------------------------------------------------------------


def _live(view: View) -> APIRouter:
    api = APIRouter(prefix="/api/v1")

    @api.websocket("/live")
    async def live(socket: WebSocket, camera: CameraQuery = None) -> None:
        """First what is open and how the cameras are, then everything as it happens."""
        if not _is_same_origin(socket):
            await socket.close(1008, "only pages of this origin may listen")
            return
        await socket.accept()
        if view.live.full:
            await socket.close(1013, "too many viewers")
            return
        with view.live.viewer(camera) as viewer:
            standing = await _standing(view, viewer)
            viewer.begin_with([event.model_dump_json() for event in standing])
            talking = asyncio.create_task(_talk(socket, viewer))
            try:
                while True:  # a viewer has nothing to say, but this is how its leaving is seen
                    if (await socket.receive())["type"] == "websocket.disconnect":
                        break
            finally:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)

    return api


async def _standing(view: View, viewer: Viewer) -> list[StatusEvent | IncidentEvent]:
    """What a viewer must know that was said before it came. It follows already, so that
    nothing is missed; an incident that opens meanwhile may be told twice."""
    found = await asyncio.to_thread(
        view.store.incidents, camera=viewer.camera, is_open=True, limit=MAX_OPEN_AT_ONCE
    )
    statuses = [s for s in view.live.statuses.values() if viewer.wants(s.camera)]
    return [*statuses, *(_incident(one) for one in reversed(found))]


async def _talk(socket: WebSocket, viewer: Viewer) -> None:
    try:
        while not viewer.overrun:
            for text in await viewer.messages():
                await socket.send_text(text)
        await socket.close(1013, "too slow; connect again")
    except (WebSocketDisconnect, RuntimeError):
        return  # it left while being told


def _own_pages_only(request: Request) -> None:
    if not _is_same_origin(request):
        raise HTTPException(403, "only pages of this origin may say anything")


def _is_same_origin(asked: HTTPConnection) -> bool:
    origin = asked.headers.get("origin")
    return origin is None or origin in (
        f"http://{asked.headers.get('host')}",
        f"https://{asked.headers.get('host')}",
    )


def _describe_live(app: FastAPI) -> None:
    """OpenAPI cannot describe a WebSocket, but its messages belong into the document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            schema = LiveEvent.model_json_schema(
                mode="serialization", ref_template="#/components/schemas/{model}"
            )
            schemas = document["components"]["schemas"]
            for name, definition in schema.pop("$defs").items():
                schemas.setdefault(name, definition)
            schemas["LiveEvent"] = schema
            document["components"]["schemas"] = dict(sorted(schemas.items()))
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


# The dashboard -------------------------------------------------------------------------------


def _pages(dashboard: Path) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    root = dashboard.resolve()

    @pages.get("/{path:path}")
    @pages.head("/{path:path}")
    def page(path: str) -> Response:
        if not (root / "index.html").is_file():
            return HTMLResponse(_NOT_BUILT, status_code=200 if path == "" else 404)
        file = (root / path).resolve()
        if path and file.is_relative_to(root) and file.is_file():
            # Files under assets/ have their content's hash in their name.
            fixed = file.is_relative_to(root / "assets")
            caching = "public, max-age=31536000, immutable" if fixed else "no-cache"
            return FileResponse(file, headers={"Cache-Control": caching})
        if path.startswith("assets/"):
            raise HTTPException(404, "there is no such file")
        return FileResponse(root / "index.html", headers={"Cache-Control": "no-cache"})

    return pages


class _SecurityHeaders:
    """Says on every answer what a page of ours may do: talk to us, and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, send_with_headers)


_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Mizaru</title></head><body>
<h1>Mizaru is running</h1>
<p>The dashboard has not been built. In the checkout, run</p>
<pre>npm --prefix web ci &amp;&amp; npm --prefix web run build</pre>
<p>and load this page again. The programming interface works without it:
<a href="/api/v1/cameras">cameras</a>,
<a href="/api/v1/incidents">incidents</a>,
<a href="/api/v1/health">health</a>,
<a href="/api/v1/openapi.json">OpenAPI</a>.</p>
</body></html>
"""
