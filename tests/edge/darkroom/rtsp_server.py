"""A small RTSP 1.0 server for tests (RFC 2326): one H.264 stream over interleaved TCP.

It loops a video made by the tests, packetises it by RFC 6184 (single NAL units and FU-A), and
can ask for Basic or Digest authentication (RFC 2617), fall silent, or drop its clients.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import struct
import threading
import time
from pathlib import Path

import av

MTU = 1400
REALM, NONCE = "camera", "0123456789abcdef"


class RtspServer:
    """Serves ``rtsp://127.0.0.1:port/stream`` from a thread per client.

    Args:
        video: H.264 in any container.
        auth: None, "basic" or "digest".
        user, password: what is accepted.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        video: Path,
        *,
        auth: str | None = None,
        user: str = "admin",
        password: str = "s3cret/#?@",
        port: int = 0,
    ) -> None:
        self._units, self._sps_pps, self._frame_s = _access_units(video)
        self._auth, self._user, self._password = auth, user, password
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.silent = threading.Event()
        self._stopped = threading.Event()
        self._clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def close(self) -> None:
        """Stop listening and drop every client: the camera is gone."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        self._thread.join(2)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while not self._stopped.is_set():
                data = client.recv(4096)
                if not data:
                    return
                buffer += data
                while b"\r\n\r\n" in buffer:
                    if buffer[:1] == b"$":  # RTCP of the client
                        size = 4 + int.from_bytes(buffer[2:4], "big")
                        if len(buffer) < size:
                            break
                        buffer = buffer[size:]
                        continue
                    head, _, buffer = buffer.partition(b"\r\n\r\n")
                    self._answer(client, head.decode("ascii", "replace"))

    def _answer(self, client: socket.socket, request: str) -> None:
        method, uri, _ = request.split("\r\n", maxsplit=1)[0].split(" ")
        found = re.search(r"^CSeq: *(\d+)", request, re.M | re.I)
        cseq = found[1] if found else "0"
        extra, body, status = "", "", "200 OK"
        if method != "OPTIONS" and not self._is_authorised(method, request):
            status, extra = "401 Unauthorized", self._challenge()
        elif method != "OPTIONS" and "/stream" not in uri:
            status = "404 Not Found"
        elif method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            sprop = ",".join(base64.b64encode(unit).decode() for unit in self._sps_pps)
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={sprop}\r\n"
                "a=control:track0\r\n"
            )
            extra = "Content-Type: application/sdp\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        head = f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\nSession: 1\r\n{extra}"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        client.sendall(f"{head}{length}\r\n{body}".encode())
        if method == "PLAY" and status.startswith("200"):
            threading.Thread(target=self._stream, args=(client,), daemon=True).start()

    def _challenge(self) -> str:
        if self._auth == "basic":
            return f'WWW-Authenticate: Basic realm="{REALM}"\r\n'
        return f'WWW-Authenticate: Digest realm="{REALM}", nonce="{NONCE}"\r\n'

    def _is_authorised(self, method: str, request: str) -> bool:
        if self._auth is None:
            return True
        found = re.search(r"^Authorization: (\w+) (.*)$", request, re.M | re.I)
        if not found:
            return False
        if self._auth == "basic":
            expected = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            return found[2].strip() == expected
        fields = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
        ha1 = _md5(f"{self._user}:{REALM}:{self._password}")
        ha2 = _md5(f"{method}:{fields.get('uri', '')}")
        return fields.get("response") == _md5(f"{ha1}:{NONCE}:{ha2}")

    def _stream(self, client: socket.socket) -> None:
        sequence, number, start = 0, 0, time.monotonic()
        with contextlib.suppress(OSError):
            while not self._stopped.is_set():
                units = self._units[number % len(self._units)]
                if number % len(self._units) == 0:
                    units = [*self._sps_pps, *units]
                stamp = round(number * self._frame_s * 90_000) & 0xFFFFFFFF
                payloads = [part for unit in units for part in _payloads(unit)]
                for index, payload in enumerate(payloads):
                    marker = 0x80 if index == len(payloads) - 1 else 0
                    head = struct.pack(">BBHII", 0x80, marker | 96, sequence & 0xFFFF, stamp, 7)
                    sequence += 1
                    packet = head + payload
                    if not self.silent.is_set():
                        client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                number += 1
                time.sleep(max(0.0, start + number * self._frame_s - time.monotonic()))


def _access_units(video: Path) -> tuple[list[list[bytes]], list[bytes], float]:
    """(NAL units per picture, parameter sets, seconds per picture)."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        assert rate is not None
        to_annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        pictures, parameters = [], []
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            for converted in to_annex_b.filter(packet):
                units = [u for u in re.split(rb"\x00\x00\x00?\x01", bytes(converted)) if u]
                parameters += [u for u in units if u[0] & 0x1F in (7, 8) and u not in parameters]
                pictures.append([u for u in units if u[0] & 0x1F in (1, 5)])
    return pictures, parameters, float(1 / rate)


def _payloads(unit: bytes) -> list[bytes]:
    if len(unit) <= MTU:
        return [unit]
    indicator, kind = (unit[0] & 0xE0) | 28, unit[0] & 0x1F
    parts = [unit[1:][i : i + MTU] for i in range(0, len(unit) - 1, MTU)]
    return [
        bytes([indicator, kind | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)])
        + part
        for i, part in enumerate(parts)
    ]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
