"""The third lock: processes of the darkroom give up what they do not need.

On Linux this is Landlock for paths and ports (`landlock`) and a seccomp allow-list for system
calls (`seccomp`), both unprivileged and without a library. Elsewhere, or on a kernel without
them, `SandboxError` says what is missing; the caller decides whether that is the end
(`SandboxMode.STRICT`) or is said loudly.

Order matters. Landlock binds the calling thread and those it starts later, so it is put on
while a process has one thread; seccomp is then spread over all threads (TSYNC).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mizaru.edge.darkroom.sandbox import landlock, seccomp
from mizaru.errors import SandboxError

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends (Linux).

    Elsewhere the pipes' end of file does it a little later.
    """
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before we could ask
        os._exit(0)


def forbid_dumps() -> None:
    """No core dump, and no other process of this user may read this one's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_paths(
    *,
    read: Iterable[Path] = (),
    device: Path | None = None,
    tcp_ports: Iterable[int] = (),
) -> None:
    """Landlock: no file may be written; nothing but these may be read or connected to.

    Args:
        read: files and directories (with what lies beneath) that stay readable.
        device: a camera's device node that stays readable, writable and open to ioctl.
        tcp_ports: ports that may be connected to, where the kernel can tell (≥ 6.7).

    Raises:
        SandboxError: where the kernel has no Landlock, or the process already has threads.
    """
    _no_new_privileges()
    threads = _threads()
    if threads > 1:
        raise SandboxError(f"Landlock must come before threads, but {threads} are running")
    landlock.restrict(read=read, device=device, tcp_ports=tcp_ports)


def allow_syscalls(*groups: seccomp.Group) -> None:
    """seccomp: from now on, in all threads, only these groups of system calls; others fail
    with EPERM. Raises `SandboxError` where the kernel or the processor is not supported."""
    _no_new_privileges()
    seccomp.install(*groups)


def library_paths() -> tuple[Path, ...]:
    """Where Python's and the system's libraries lie: code, which a late import may need."""
    package = Path(__file__).parents[3]
    names = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    names |= {str(package), "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"}
    names |= {"/etc/ld.so.cache", "/dev/null", "/dev/urandom"}
    return tuple(map(Path, sorted(names)))


def _no_new_privileges() -> None:
    if sys.platform != "linux":
        raise SandboxError(
            f"the darkroom can lock itself in on Linux only, this is {sys.platform}; "
            'set sandbox = "loud" to run without'
        )
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise SandboxError(f"PR_SET_NO_NEW_PRIVS: {os.strerror(ctypes.get_errno())}")


def _threads() -> int:
    with open("/proc/self/status", "rb") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(b"Threads:"))
