"""Do the next items' work in threads while the current one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(
    function: Callable[[Item], Made], items: Iterable[Item], *, threads: int, depth: int
) -> Iterator[Made]:
    """`map(function, items)` in order, with up to `depth` results made ahead by `threads` threads.

    Meant for work that releases the interpreter's lock (decoding and resizing images, reading
    files). An error is raised when its item's turn comes. With `threads` 0 it is plain `map`.

    >>> list(ahead(str.upper, "abc", threads=2, depth=2))
    ['A', 'B', 'C']
    """
    if threads < 1 or depth < 1:
        yield from map(function, items)
        return
    source = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        waiting: deque[Future[Made]] = deque(
            pool.submit(function, item) for item in islice(source, depth)
        )
        try:
            while waiting:
                done = waiting.popleft()
                for item in islice(source, 1):
                    waiting.append(pool.submit(function, item))
                yield done.result()
        finally:
            for left in waiting:
                left.cancel()
