"""Landlock by its three system calls (kernel ≥ 5.13; landlock(7)). Wraps `OSError`."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mizaru.errors import SandboxError

# The same numbers on every architecture.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_IOCTL_DEV: Final = 1 << 15
_BIND_TCP: Final = 1 << 0
_CONNECT_TCP: Final = 1 << 1

_FS_BITS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""ABI → how many file system rights it knows; later ABIs know as many as 5."""

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Version of Landlock in the running kernel; 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)))


def restrict(*, read: Iterable[Path], device: Path | None, tcp_ports: Iterable[int]) -> None:
    """Deny the calling thread, and those it starts, everything but what is listed.

    Paths that do not exist or cannot be reached are left out.
    """
    version = abi()
    if version == 0:
        raise SandboxError(
            "this kernel has no Landlock (Linux ≥ 5.13 with lsm=landlock); "
            'set sandbox = "loud" to run without'
        )
    handled_fs = (1 << _FS_BITS[min(version, 5)]) - 1
    handled_net = _BIND_TCP | _CONNECT_TCP if version >= 4 else 0
    # Abstract unix sockets. Not signals: the kernel would then withhold the death signal that
    # our own children wait for (seccomp already denies kill).
    scoped = 0b01 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("=QQQ", handled_fs, handled_net, scoped)[:size]
    ruleset = _call(_CREATE_RULESET, attributes, size, 0)
    try:
        for path in read:
            _allow_path(ruleset, path, _READ_FILE | _READ_DIR)
        if device is not None:
            rights = _READ_FILE | _WRITE_FILE | _IOCTL_DEV
            _allow_path(ruleset, device, rights & handled_fs)
        if handled_net:
            for port in tcp_ports:
                _call(_ADD_RULE, ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port), 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what cannot be reached needs no permission
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= ~_READ_DIR
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, fd), 0)
    finally:
        os.close(fd)


def _call(number: int, *arguments: int | bytes) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        raise SandboxError(
            f'Landlock (call {number}): {reason}; set sandbox = "loud" to run without'
        )
    return result
