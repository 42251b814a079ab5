"""An allow-list of system calls as a classic BPF program (seccomp(2)), without a library.

What is not listed fails with EPERM instead of killing the process: a library that tries
something harmless (a statistics file, a thread priority) goes on, and nothing gets out. The
list holds no way to make a process, to execute, to trace, to open for writing, to rename or
remove, no socket (except for a network camera's capture), no io_uring and no memfd.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

from mizaru.edge.darkroom.sandbox.syscalls import NUMBERS
from mizaru.errors import SandboxError


class Group(enum.Enum):
    """What a process of the darkroom may need."""

    COMPUTE = "compute"
    NETWORK = "network"
    DEVICE = "device"


_NETWORK: Final = frozenset(
    (
        "socket",
        "connect",
        "sendto",
        "recvfrom",
        "sendmsg",
        "recvmsg",
        "shutdown",
        "getsockname",
        "getpeername",
        "getsockopt",
        "setsockopt",
    )
)
_DEVICE: Final = frozenset({"ioctl"})

# machine → (column in NUMBERS, AUDIT_ARCH, number of seccomp(2))
_MACHINES: Final = {
    "x86_64": (0, 0xC000003E, 317),
    "aarch64": (1, 0xC00000B7, 277),
}

# Instructions and return values of <linux/bpf_common.h> and <linux/seccomp.h>.
_LOAD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_JUMP_ANY_BIT: Final = 0x45
_AND: Final = 0x54
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCH: Final = 4

_SET_MODE_FILTER: Final = 1
_FLAG_TSYNC: Final = 1

_WRITE_FLAGS: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLONE_THREAD: Final = 0x00010000
_PR_SET_NAME: Final = 15
_PR_GET_NAME: Final = 16
_SOCK_STREAM: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10

Instruction = tuple[int, int, int, int]
"""(code, jump if true, jump if false, constant)."""

_DENY: Final[Instruction] = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
_PERMIT: Final[Instruction] = (_RETURN, 0, 0, _ALLOW)


def program(groups: frozenset[Group], *, machine: str, pid: int) -> list[Instruction]:
    """The filter: COMPUTE is always in; ``pid`` is the only process that may be signalled."""
    column, arch, _ = _supported(machine)
    instructions: list[Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    for name, numbers in NUMBERS.items():
        number = numbers[column]
        if number is None or (name in _NETWORK and Group.NETWORK not in groups):
            continue
        if name in _DEVICE and Group.DEVICE not in groups:
            continue
        body = list(_body(name, groups, pid))
        instructions += [(_JUMP_EQUAL, 0, len(body), number), *body]
    return [*instructions, _DENY]


def install(*groups: Group) -> None:
    """Put the filter on all threads of this process; raises `SandboxError`."""
    machine = platform.machine()
    _, _, seccomp = _supported(machine)
    instructions = program(frozenset(groups), machine=machine, pid=os.getpid())
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    filters = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(instructions), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(seccomp, _SET_MODE_FILTER, _FLAG_TSYNC, header))
    if result:
        reason = "a thread refused" if result > 0 else os.strerror(ctypes.get_errno())
        raise SandboxError(f'seccomp: {reason}; set sandbox = "loud" to run without')


def _supported(machine: str) -> tuple[int, int, int]:
    if machine not in _MACHINES:
        raise SandboxError(
            f"no seccomp table for {machine} (known: {', '.join(_MACHINES)}); "
            'set sandbox = "loud" to run without'
        )
    return _MACHINES[machine]


def _body(name: str, groups: frozenset[Group], pid: int) -> Iterator[Instruction]:
    """What happens once the number matched: always ends in a return."""
    if name == "openat" and Group.DEVICE not in groups:
        yield from (_load(2), (_JUMP_ANY_BIT, 0, 1, _WRITE_FLAGS), _DENY, _PERMIT)
    elif name == "openat":  # a camera's node is opened for writing; Landlock knows which one
        flags = os.O_CREAT | os.O_TRUNC | os.O_APPEND
        yield from (_load(2), (_JUMP_ANY_BIT, 0, 1, flags), _DENY, _PERMIT)
    elif name == "clone":
        yield from (_load(0), (_JUMP_ANY_BIT, 1, 0, _CLONE_THREAD), _DENY, _PERMIT)
    elif name == "clone3":  # its flags lie behind a pointer; glibc then falls back to clone
        yield (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
    elif name == "prctl":
        yield from (
            _load(0),
            (_JUMP_EQUAL, 2, 0, _PR_SET_NAME),
            (_JUMP_EQUAL, 1, 0, _PR_GET_NAME),
            _DENY,
            _PERMIT,
        )
    elif name == "tgkill":
        yield from (_load(0), (_JUMP_EQUAL, 1, 0, pid), _DENY, _PERMIT)
    elif name == "prlimit64":  # ask, never set
        yield from (
            _load(2),
            (_JUMP_EQUAL, 0, 2, 0),
            _load(2, high=True),
            (_JUMP_EQUAL, 1, 0, 0),
            _DENY,
            _PERMIT,
        )
    elif name == "socket":
        yield from (
            _load(0),
            (_JUMP_EQUAL, 2, 0, _AF_INET),
            (_JUMP_EQUAL, 1, 0, _AF_INET6),
            _DENY,
            _load(1),
            (_AND, 0, 0, 0xF),
            (_JUMP_EQUAL, 1, 0, _SOCK_STREAM),
            _DENY,
            _PERMIT,
        )
    else:
        yield _PERMIT


def _load(argument: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * argument + (4 if high else 0))
