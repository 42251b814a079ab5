"""Processes that work beside this one, and end with it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(
    count: int, begin: Callable[..., object] | None = None, *arguments: object
) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes, each of which calls ``begin(*arguments)`` first.

    They are spawned, not forked: OpenGL and the threads of models do not survive a fork. Unlike
    a bare pool's they do not outlive a parent that is killed: they hold both ends of the pipe that
    they wait on, and would wait for ever. And whoever leaves by an exception does not wait for
    what they have in hand, which may take many minutes.
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin, initargs=(begin, arguments)
    )
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for mine in set(multiprocessing.active_children()) - others:
            mine.kill()
            mine.join()
        raise
    finally:
        pool.shutdown()


def _begin(begin: Callable[..., object] | None, arguments: tuple[object, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
