"""What these tests build once: each in a folder named by what it is made of."""

import fcntl
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).resolve().parent / ".cache"
KEPT, LATELY_SECONDS = 4, 1800.0


def digest(*parts: bytes) -> str:
    """Of parts in their order; 16 hex digits."""
    contents = hashlib.sha256()
    for part in parts:
        contents.update(len(part).to_bytes(8, "big") + part)
    return contents.hexdigest()[:16]


def made(name: str, build: Callable[[Path], None], *, instead_of: str = "") -> Path:
    """The folder of this name, built if it is not there; whole or absent, whoever is interrupted.

    `build` is handed an empty folder. One process builds at a time, the others wait for it.
    `instead_of`: a pattern of names; of those that nobody asked for lately, most are removed.
    """
    target = CACHE / name
    if target.is_dir():
        target.touch()
        return target
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in CACHE.glob("*.partial-*"):
            shutil.rmtree(left)
        if not target.is_dir():
            scratch = Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=CACHE))
            try:
                build(scratch)
                scratch.chmod(0o755)
                scratch.touch()
                scratch.rename(target)
            except BaseException:
                shutil.rmtree(scratch)
                raise
            if instead_of:
                _prune(instead_of)
    return target


def _prune(pattern: str) -> None:
    asked = {folder: folder.stat().st_mtime for folder in CACHE.glob(pattern)}
    for folder in sorted(asked, key=lambda each: -asked[each])[KEPT:]:
        if time.time() - asked[folder] > LATELY_SECONDS:
            shutil.rmtree(folder)
