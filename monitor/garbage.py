"""Python's garbage collector, set for a process that holds much and makes many small records."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 10_000
"""Records of a block or two, nearly all of which go without the collector. More gains no time, and
what the libraries' cycles hold would wait for minutes."""


def settle() -> None:
    """Call once all that stays is loaded: it is not walked again, and the young are less often.

    Memory is freed by reference counts as ever; this is about cycles, which few things here form.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)


@contextmanager
def undisturbed() -> Iterator[None]:
    """For what makes very many records and no cycles: the collector would walk them again and again
    (a hundred thousand accounts: 4 s instead of 0.4; the modules of a daemon: 1.4 instead of 1.2).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
