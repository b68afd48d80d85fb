"""A container of the product's image, run with a volume of its own as the documents say."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import Finished

from deploy.containers import Containers

TOKEN = "a-token-of-this-test"
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--memory", "512m", "--pids-limit", "200"),
    *("--network", "host", "--pull", "never"),
)


@dataclass
class Service:
    """`folder`: what is in its /etc/cascade-monitor. `port`: where it listens, on this machine."""

    engine: Containers
    image: str
    name: str
    folder: Path
    port: int
    environ: dict[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        """Begin anew on the same volume."""
        await self.engine.podman("rm", "--force", "--ignore", "--time", "1", self.name)
        named = ("run", "--detach", "--name", self.name, "--volume", f"{self.name}:/data")
        await self.engine.podman(*named, *options(self.folder, self.environ), self.image)

    async def stop(self) -> tuple[int, float]:
        """As `docker stop`; exit code, and the seconds it took."""
        begun = asyncio.get_running_loop().time()
        await self.engine.podman("stop", "--time", "30", self.name)
        return await self.exit_code(), asyncio.get_running_loop().time() - begun

    async def kill(self) -> int:
        await self.engine.podman("kill", "--signal", "KILL", self.name)
        await self.engine.podman("wait", self.name)
        return await self.exit_code()

    async def exit_code(self) -> int:
        shown = await self.engine.podman("inspect", "--format", "{{.State.ExitCode}}", self.name)
        return int(shown.out)

    async def command(self, *arguments: str, check: bool = True) -> Finished:
        """`cascade-monitor …` beside the running daemon."""
        return await self.engine.podman(
            "exec", self.name, "cascade-monitor", *arguments, check=check
        )

    async def said(self) -> str:
        logs = await self.engine.podman("logs", self.name)
        return logs.out + logs.err

    async def get(self, path: str, token: str | None = TOKEN) -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def reached(self, block_hash: str, seconds: float = 60.0) -> dict[str, Any]:
        """The status, once this block is judged."""
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(seconds):
                while (status.get("evaluated") or {}).get("hash") != block_hash:
                    await asyncio.sleep(0.1)
                    try:
                        code, text = await self.get("/api/v1/status")
                    except aiohttp.ClientError:
                        continue
                    status = json.loads(text) if code == 200 else {}
        except TimeoutError as error:
            raise AssertionError(f"{status}\n{(await self.said())[-3000:]}") from error
        return status


def options(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Of `podman run`."""
    variables = (f"--env={name}={value}" for name, value in environ.items())
    return [*HARDENED, f"--volume={folder}:/etc/cascade-monitor:ro", *variables]
