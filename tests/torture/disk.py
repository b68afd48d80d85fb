"""A small disk of the daemon's own, that can be filled to the last byte."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE_BYTES = 64 * 2**20
CHUNK = bytes(2**16)


class SmallDisk:
    """A folder on a file system of 64 MiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Not a byte is left for others."""
        with self._ballast.open("ab", buffering=0) as ballast, suppress(OSError):
            for chunk in (CHUNK, CHUNK[:512], CHUNK[:1]):
                with suppress(OSError):
                    while ballast.write(chunk):
                        pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """None where this user may not mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES},mode=700", "torture", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield SmallDisk(folder) if mounted else None
    finally:
        if mounted:
            # Lazily: whatever still has a file open there must not keep it for ever.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
