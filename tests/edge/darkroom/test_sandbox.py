"""The third lock, tried from inside: each attempt runs in a forked child that has locked itself.

The filter itself is also run by a small BPF interpreter, for both processors.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from mizaru.edge.darkroom import sandbox
from mizaru.edge.darkroom.capture import child
from mizaru.edge.darkroom.capture.source import FileSource, RtspSource
from mizaru.edge.darkroom.sandbox import landlock, seccomp
from mizaru.edge.darkroom.sandbox.seccomp import Group
from mizaru.edge.darkroom.sandbox.syscalls import NUMBERS
from mizaru.edge.settings import SandboxMode
from mizaru.errors import SandboxError

# Only the forking thread is needed in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

linux = pytest.mark.skipif(sys.platform != "linux", reason="seccomp and Landlock are Linux")
needs_landlock = pytest.mark.skipif(
    sys.platform != "linux" or landlock.abi() == 0, reason="this kernel has no Landlock"
)


def locked_in(attempt: Callable[[], object], lock: Callable[[], object]) -> str:
    """Run an attempt in a process that is locked in; returns "done" or the error's name."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(r)
            lock()
            attempt()
            answer = "done"
        except OSError as error:
            answer = errno.errorcode.get(error.errno or 0, str(error))
        except BaseException:
            answer = traceback.format_exc()
        os.write(w, answer.encode())
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


def darkroom() -> None:
    sandbox.forbid_dumps()
    sandbox.forbid_paths(read=sandbox.library_paths())
    sandbox.allow_syscalls()


def system_calls_only() -> None:
    sandbox.allow_syscalls()


def paths_only() -> None:
    sandbox.forbid_paths(read=sandbox.library_paths())


def in_a_thread(attempt: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        errors: list[BaseException] = []

        def body() -> None:
            try:
                attempt()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]

    return run


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sandbox") / "secret.txt"
    path.write_text("secret")
    return path


def raw(name: str, *arguments: int) -> None:
    """A system call by number, x86-64 or AArch64, past every wrapper."""
    numbers = {
        "io_uring_setup": (425, 425),
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "pidfd_getfd": (438, 438),
        "openat2": (437, 437),
        "memfd_create": (319, 279),
        "bpf": (321, 280),
        "mount": (165, 40),
        "userfaultfd": (323, 282),
        "shmget": (29, 194),
        "mknodat": (259, 33),
        "truncate": (76, 45),
        "kill": (62, 129),
        "sendto": (44, 206),
        "unshare": (272, 97),
        "setns": (308, 268),
        "prlimit64": (302, 261),
    }
    number = numbers[name][os.uname().machine == "aarch64"]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


ESCAPES: dict[str, Callable[[Path], object]] = {
    "socket": lambda _: socket.socket(),
    "unix socket": lambda _: socket.socket(socket.AF_UNIX),
    "udp": lambda _: socket.socket(type=socket.SOCK_DGRAM),
    "socketpair": lambda _: socket.socketpair(),
    "new file": lambda f: (f.parent / "new").write_text("x"),
    "append": lambda f: f.open("a"),
    "truncate": lambda f: os.truncate(f, 0),
    "open to write": lambda f: os.open(f, os.O_RDWR),
    "unnamed file": lambda f: os.open(f.parent, os.O_TMPFILE | os.O_RDWR),
    "rename": lambda f: f.rename(f.parent / "other"),
    "unlink": lambda f: f.unlink(),
    "mkdir": lambda f: (f.parent / "folder").mkdir(),
    "symlink": lambda f: (f.parent / "link").symlink_to(f),
    "chmod": lambda f: f.chmod(0o777),
    "fork": lambda _: os.fork(),
    "exec": lambda _: os.execv("/bin/true", ["true"]),
    "kill": lambda _: os.kill(os.getppid(), 0),
    "ptrace": lambda _: raw("ptrace", 16, os.getppid(), 0, 0),
    "process_vm_readv": lambda _: raw("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
    "io_uring": lambda _: raw("io_uring_setup", 1, 0),
    "memfd": lambda _: os.memfd_create("x"),
    "pidfd": lambda _: os.pidfd_open(os.getppid()),
    "openat2": lambda _: raw("openat2", -100, 0, 0, 0),
    "bpf": lambda _: raw("bpf", 0, 0, 0),
    "mount": lambda _: raw("mount", 0, 0, 0, 0, 0),
    "userfaultfd": lambda _: raw("userfaultfd", 0),
    "shared memory": lambda _: raw("shmget", 1, 4096, 0o666),
    "device node": lambda _: raw("mknodat", -100, 0, 0, 0),
    "namespace": lambda _: raw("unshare", 0x10000000),
    "change a limit": lambda _: raw("prlimit64", 0, 7, 1, 0),
}


@linux
@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("lock", [darkroom, system_calls_only])
def test_no_way_out_of_the_darkroom(name: str, lock: Callable[[], None], file: Path) -> None:
    outcome = locked_in(lambda: ESCAPES[name](file), lock)
    assert outcome in ("EPERM", "EACCES"), outcome
    assert file.read_text() == "secret"
    assert [p.name for p in file.parent.iterdir()] == ["secret.txt"]


@linux
@pytest.mark.parametrize("name", ["socket", "new file", "exec", "fork"])
def test_threads_are_locked_in_too(name: str, file: Path) -> None:
    outcome = locked_in(in_a_thread(lambda: ESCAPES[name](file)), darkroom)
    assert outcome in ("EPERM", "EACCES"), outcome


@linux
def test_a_thread_that_was_there_before_is_locked_in_too() -> None:
    go, outcome = threading.Event(), []

    def wait() -> None:
        go.wait()
        try:
            socket.socket()
        except OSError as error:
            outcome.append(error.errno)

    def attempt() -> None:
        go.set()
        thread.join()
        raise OSError(outcome[0], "in the older thread")

    thread = threading.Thread(target=wait)

    def lock() -> None:
        thread.start()
        sandbox.allow_syscalls()

    assert locked_in(attempt, lock) == "EPERM"


@needs_landlock
@pytest.mark.parametrize("name", ["new file", "append", "open to write", "unlink", "mkdir"])
def test_landlock_alone_forbids_writing(name: str, file: Path) -> None:
    assert locked_in(lambda: ESCAPES[name](file), paths_only) == "EACCES"
    assert file.read_text() == "secret"


@needs_landlock
@pytest.mark.parametrize("path", ["secret", "/etc/passwd", "/proc/1/environ", "/", "/tmp"])
def test_the_darkroom_reads_no_other_file(path: str, file: Path) -> None:
    target = file if path == "secret" else Path(path)
    assert locked_in(lambda: os.close(os.open(target, os.O_RDONLY)), darkroom) == "EACCES"


@linux
@pytest.mark.parametrize(
    "harmless",
    [
        lambda: __import__("colorsys"),
        in_a_thread(lambda: sum(range(1000))),
        lambda: bytearray(50_000_000),
        lambda: os.urandom(8),
        lambda: __import__("time").sleep(0.01),
        lambda: __import__("numpy").linalg.svd([[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_work_goes_on_inside(harmless: Callable[[], object]) -> None:
    assert locked_in(harmless, darkroom) == "done"


@linux
def test_no_core_dump_and_no_reader_from_outside() -> None:
    def attempt() -> None:
        import resource

        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE

    assert locked_in(attempt, sandbox.forbid_dumps) == "done"


@needs_landlock
def test_landlock_refuses_to_come_after_threads() -> None:
    def attempt() -> None:
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        try:
            with pytest.raises(SandboxError, match="before threads"):
                sandbox.forbid_paths()
        finally:
            stop.set()
            thread.join()

    assert locked_in(attempt, lambda: None) == "done"


# The capture child -------------------------------------------------------------------------


def capture(source: FileSource | RtspSource) -> Callable[[], object]:
    return lambda: child.enter_sandbox(source, SandboxMode.STRICT)


@needs_landlock
@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_out_of_a_files_capture_child(name: str, file: Path) -> None:
    outcome = locked_in(lambda: ESCAPES[name](file), capture(FileSource(str(file))))
    assert outcome in ("EPERM", "EACCES"), outcome
    assert file.read_text() == "secret"


@needs_landlock
def test_a_files_capture_child_reads_its_file_and_no_other(file: Path) -> None:
    lock = capture(FileSource(str(file)))
    assert locked_in(file.read_text, lock) == "done"
    assert locked_in(lambda: Path("/etc/passwd").read_text(), lock) == "EACCES"
    assert locked_in(lambda: os.listdir(file.parent), lock) == "EACCES"


@needs_landlock
@pytest.mark.parametrize("name", [n for n in ESCAPES if n != "socket"])
def test_no_way_out_of_a_network_cameras_capture_child(name: str, file: Path) -> None:
    lock = capture(RtspSource("rtsp://127.0.0.1:5540/x"))
    assert locked_in(lambda: ESCAPES[name](file), lock) in ("EPERM", "EACCES")


@pytest.mark.skipif(
    sys.platform != "linux" or landlock.abi() < 4, reason="Landlock knows ports since Linux 6.7"
)
def test_a_network_cameras_capture_child_reaches_one_port_and_listens_nowhere() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        lock = capture(RtspSource(f"rtsp://127.0.0.1:{ours.getsockname()[1]}/x"))

        def connect(server: socket.socket) -> Callable[[], object]:
            return lambda: socket.socket().connect(server.getsockname())

        assert locked_in(connect(ours), lock) == "done"
        assert locked_in(connect(other), lock) == "EACCES"
        assert locked_in(lambda: socket.socket().bind(("127.0.0.1", 0)), lock) == "EPERM"


# The filter as a program --------------------------------------------------------------------

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def run_filter(
    program: list[seccomp.Instruction], arch: int, number: int, arguments: tuple[int, ...] = ()
) -> int:
    """A slow, plain interpreter of the instructions that we use."""
    words = {0: number, 4: arch}
    for index in range(6):
        value = arguments[index] if index < len(arguments) else 0
        words[16 + 8 * index] = value & 0xFFFFFFFF
        words[20 + 8 * index] = value >> 32
    accumulator = counter = 0
    while True:
        code, if_true, if_false, constant = program[counter]
        counter += 1
        if code == 0x20:
            accumulator = words[constant]
        elif code == 0x15:
            counter += if_true if accumulator == constant else if_false
        elif code == 0x45:
            counter += if_true if accumulator & constant else if_false
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x06:
            return constant
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize("groups", [set(), {Group.NETWORK}, {Group.DEVICE}])
def test_exactly_the_listed_calls_pass(machine: str, groups: set[Group]) -> None:
    program = seccomp.program(frozenset(groups), machine=machine, pid=42)
    column = list(ARCH).index(machine)
    listed = {numbers[column] for numbers in NUMBERS.values()} - {None}
    for number in [*range(600), 0x40000000, 0x40000001, 2**31]:
        if run_filter(program, ARCH[machine], number, (1,) * 6) == ALLOW:
            assert number in listed
    for arch in (0, 0x40000003, *(a for m, a in ARCH.items() if m != machine)):
        assert run_filter(program, arch, 0) == KILL


@pytest.mark.parametrize("machine", ARCH)
@pytest.mark.parametrize(
    ("name", "arguments", "groups", "expected"),
    [
        ("read", (), set(), ALLOW),
        ("openat", (0, 0, os.O_RDONLY | os.O_CLOEXEC), set(), ALLOW),
        ("openat", (0, 0, os.O_WRONLY), set(), EPERM),
        ("openat", (0, 0, os.O_RDWR), set(), EPERM),
        ("openat", (0, 0, os.O_CREAT), set(), EPERM),
        ("openat", (0, 0, os.O_TRUNC), set(), EPERM),
        ("openat", (0, 0, os.O_RDWR), {Group.DEVICE}, ALLOW),
        ("openat", (0, 0, os.O_RDWR | os.O_CREAT), {Group.DEVICE}, EPERM),
        ("clone", (0x3D0F00,), set(), ALLOW),  # what pthread_create asks for
        ("clone", (0x1200011,), set(), EPERM),  # what fork asks for
        ("clone3", (), set(), ENOSYS),
        ("prctl", (15,), set(), ALLOW),
        ("prctl", (22,), set(), EPERM),
        ("tgkill", (42, 43, 6), set(), ALLOW),
        ("tgkill", (41, 41, 6), set(), EPERM),
        ("prlimit64", (0, 3, 0), set(), ALLOW),
        ("prlimit64", (0, 3, 1), set(), EPERM),
        ("prlimit64", (0, 3, 1 << 32), set(), EPERM),
        ("socket", (2, 1), set(), EPERM),
        ("socket", (2, 1), {Group.NETWORK}, ALLOW),
        ("socket", (10, 1 | 0o2000000 | 0o4000), {Group.NETWORK}, ALLOW),
        ("socket", (2, 2), {Group.NETWORK}, EPERM),
        ("socket", (1, 1), {Group.NETWORK}, EPERM),
        ("socket", (16, 3), {Group.NETWORK}, EPERM),
        ("connect", (), {Group.NETWORK}, ALLOW),
        ("connect", (), {Group.DEVICE}, EPERM),
        ("ioctl", (), {Group.DEVICE}, ALLOW),
        ("ioctl", (), {Group.NETWORK}, EPERM),
    ],
)
def test_arguments_are_looked_at(
    machine: str, name: str, arguments: tuple[int, ...], groups: set[Group], expected: int
) -> None:
    program = seccomp.program(frozenset(groups), machine=machine, pid=42)
    number = NUMBERS[name][list(ARCH).index(machine)]
    assert number is not None
    assert run_filter(program, ARCH[machine], number, arguments) == expected


def test_numbers_agree_with_libseccomp() -> None:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    resolve = library.seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for name, numbers in NUMBERS.items():
        for number, arch in zip(numbers, ARCH.values(), strict=True):
            found = resolve(arch, name.encode())
            assert number == (found if found >= 0 else None), name


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(SandboxError, match="no seccomp table for mips"):
        seccomp.program(frozenset(), machine="mips", pid=1)


def test_a_list_of_calls_has_no_way_to_write_a_path_or_to_make_a_process() -> None:
    forbidden = {"open", "creat", "rename", "unlink", "execve", "fork", "vfork", "ptrace", "bind"}
    assert not forbidden & NUMBERS.keys()
