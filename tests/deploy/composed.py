"""compose.yaml brought up by podman-compose, from a copy of the folder that it stands in."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from daemon_process import Finished
from stage import free_port

from deploy.containers import Containers
from deploy.images import ROOT

FOLDER = ROOT / "deploy"
AWAITED_SECONDS = 90.0
PORTS = ("MONITOR", "PROMETHEUS", "ALERTMANAGER", "GRAFANA")
HOST = "host.containers.internal"
"""This machine, as podman's containers know it."""
_CHUNK = 65536


@dataclass(frozen=True)
class Composed:
    """A project of its own. `variables` are what .env would hold."""

    engine: Containers
    folder: Path
    name: str
    variables: Mapping[str, str]

    @property
    def credentials(self) -> Path:
        return self.folder / "compose" / "credentials"

    async def compose(self, *arguments: str, check: bool = True) -> Finished:
        program = str(ROOT / ".venv" / "bin" / "podman-compose")
        file = str(self.folder / "compose.yaml")
        return await self.engine.command(
            *(program, "--project-name", self.name, "--file", file, *arguments),
            environ=dict(self.variables),
            check=check,
        )

    async def inside(self, service: str, *command: str, check: bool = True) -> Finished:
        return await self.engine.podman("exec", self.container(service), *command, check=check)

    async def said(self, service: str) -> str:
        logs = await self.engine.podman("logs", self.container(service))
        return logs.out + logs.err

    def container(self, service: str) -> str:
        return f"{self.name}_{service}_1"

    def url(self, published: str, path: str) -> str:
        return f"http://127.0.0.1:{self.variables[f'{published}_PORT']}{path}"

    async def get(self, published: str, path: str, token: str = "") -> Any:
        """JSON. Raises aiohttp.ClientError for anything else."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(self.url(published, path)) as answer,
        ):
            return await answer.json()


def copied(folder: Path) -> Path:
    """What compose.yaml mounts, as a fresh clone has it; scraped and judged every second."""
    target = folder / "deploy"
    target.mkdir(mode=0o755)
    for name in ("alertmanager", "compose", "grafana", "prometheus"):
        left_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(FOLDER / name, target / name, ignore=left_out)
    for found in (target / "compose" / "credentials").iterdir():
        if found.name not in (".gitignore", "README.md"):
            found.unlink()  # of whoever uses this checkout
    for name in ("compose.yaml", "ethereum.toml"):
        shutil.copy(FOLDER / name, target)
    prometheus = target / "prometheus" / "prometheus.yml"
    prometheus.write_text(re.sub(r"_interval: 15s", "_interval: 1s", prometheus.read_text()))
    return target


def ports() -> dict[str, str]:
    return {f"{name}_PORT": str(free_port()) for name in PORTS}


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[int]:
    """A port on all of this machine's addresses that leads to a server on loopback."""
    port = urlsplit(url).port

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # whichever side hung up, the other is told below
        finally:
            writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(connect, "0.0.0.0", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def awaited(
    asked: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool], what: str
) -> Any:
    """An answer, once it is as wanted. A refused connection is asked again."""
    found: Any = None
    try:
        async with asyncio.timeout(AWAITED_SECONDS):
            while True:
                try:
                    found = await asked()
                    if wanted(found):
                        return found
                except aiohttp.ClientError as error:
                    found = repr(error)
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        shown = json.dumps(found, default=str)[:2000]
        raise AssertionError(f"{what}: not in {AWAITED_SECONDS:g} s: {shown}") from error
