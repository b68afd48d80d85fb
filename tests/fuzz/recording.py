"""A failing script on disk, with the command that plays it again."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devnet import World

from fuzz.failure import Failure, Kind
from fuzz.rehearsal import rehearsal
from fuzz.script import Script, Step, from_json, to_json

KINDS: tuple[Kind, ...] = ("facts", "snapshot", "replay", "gave up")


@dataclass(frozen=True, slots=True)
class Recording:
    """All that a replay needs. `steps` are those of `script.to_json`."""

    seed: int
    kind: Kind
    steps: list[dict[str, Any]]

    def script(self, world: World) -> list[Step]:
        return from_json(world, self.steps)


def write(seed: int, kind: Kind, script: Script) -> Path:
    """In the folder for temporary files, where it stays."""
    told = {"seed": seed, "kind": kind, "steps": to_json(script)}
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"fuzz-seed-{seed}-", suffix=".json", delete=False
    ) as file:
        json.dump(told, file, indent=1)
    return Path(file.name)


def read(path: Path) -> Recording:
    """Raises ValueError for what `write` did not write."""
    told = json.loads(path.read_text())
    if not isinstance(told, Mapping) or told.get("kind") not in KINDS:
        raise ValueError(f"{path} is no recording of the fuzz")
    return Recording(int(told["seed"]), told["kind"], list(told["steps"]))


async def replay(recording: Recording) -> tuple[Failure | None, int]:
    """What goes wrong, and how many steps there were."""
    async with rehearsal(recording.seed) as stage:
        script = recording.script(stage.world)
        return await stage.play(script, recording.kind), len(script)
