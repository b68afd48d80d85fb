"""Files that are whole or not there: written beside their place, and renamed into it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from monitor.errors import QuestionError

PARTIAL = ".partial"
"""The suffix of what is still being written; its name begins with a dot."""


@contextmanager
def placed(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """What to write to. It is at `path` afterwards, on disk; or nothing is, if anything fails.

    Raises OSError; FileExistsError for a file that is there, unless it is to be replaced.
    """
    # Readable by us alone: positions of accounts, and alerts not yet told.
    handle, name = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(partial, path, replace=replace)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def ordered(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """The same for a file that a user ordered by name: faults are QuestionErrors."""
    check_new(path, force=force)
    try:
        with placed(path, replace=force) as file:
            yield file
    except FileExistsError as error:
        raise _there_already(path) from error
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def check_new(path: Path, *, force: bool) -> None:
    """Raise QuestionError for a file that is there, before anything is read for it.

    Never replaced is what is no file: a rename would put one in the place of a device.
    """
    try:
        is_there, is_file = path.exists(), path.is_file()
    except OSError as error:
        raise _unwritable(path, error.strerror) from error
    if is_there and not is_file:
        raise _unwritable(path, "it is no file")
    if is_there and not force:
        raise _there_already(path)


def _put_in_place(partial: Path, path: Path, *, replace: bool) -> None:
    if replace:
        partial.replace(path)
    else:
        try:
            os.link(partial, path)  # unlike a rename, this refuses a file that came meanwhile
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            partial.replace(path)
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _unwritable(path: Path, why: str | None) -> QuestionError:
    return QuestionError(
        f"{path} cannot be written: {why}: expected a folder with room. Name another file with "
        "--output."
    )


def _there_already(path: Path) -> QuestionError:
    return QuestionError(
        f"{path} is there already: expected a new file. Name another, or say --force to replace it."
    )
