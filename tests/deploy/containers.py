"""Podman and buildah as these tests use them: a storage of their own, nothing left over.

runc, because Debian's crun fails where cgroups are of both versions; limits that need no
capability; locks in files, because those in shared memory belong to every podman of this machine.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from daemon_process import Finished, running_in

from deploy.cache import CACHE
from deploy.rootfs import needs_root

PROGRAMS = ("buildah", "podman", "runc")
SECONDS = 300.0
_FILES = {
    "CONTAINERS_STORAGE_CONF": """[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
""",
    "CONTAINERS_REGISTRIES_CONF": 'unqualified-search-registries = ["docker.io"]\n',
    "CONTAINERS_CONF": """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
""",
}
"""What each variable names."""


class Containers:
    """Images stay in the cache; containers, volumes and networks last for one `containers()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: str(folder / name.lower()) for name in _FILES}
        for name, text in _FILES.items():
            Path(self.environ[name]).write_text(text.format(folder=folder))

    async def podman(self, *arguments: str, check: bool = True) -> Finished:
        return await self.command("podman", *arguments, check=check)

    async def buildah(self, *arguments: str) -> Finished:
        return await self.command("buildah", *arguments)

    async def command(
        self,
        *command: str,
        check: bool = True,
        environ: dict[str, str] | None = None,
    ) -> Finished:
        """Any program that uses this storage. With `check`, fails unless it ends with 0.

        What podman says of systemd, which may not be there, is left out.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | self.environ | (environ or {}),
        )
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        lines = [line for line in err.decode().splitlines() if "systemd connection" not in line]
        finished = Finished(process.returncode or 0, out.decode(), "\n".join(lines))
        if check:
            said = f"{finished.out[-3000:]}\n{finished.err[-3000:]}"
            assert finished.code == 0, f"{' '.join(command)}: {finished.code}\n{said}"
        return finished

    async def clear(self) -> None:
        """End and remove all but the images. Fails if anything remains."""
        await self.podman("rm", "--all", "--force", "--time", "2")
        await self.podman("volume", "prune", "--force")
        await self.podman("network", "prune", "--force")
        await self.podman("image", "unmount", "--all", "--force")
        await self.buildah("rm", "--all")
        # Its driver mounts a folder onto itself, and nobody takes that away.
        await self.command("umount", str(self.folder / "graph" / "overlay"), check=False)
        assert running_in(self.folder) == []
        assert self._mounts() == []

    @asynccontextmanager
    async def mounted(self, image: str) -> AsyncIterator[Path]:
        """The image's files."""
        yield Path((await self.podman("image", "mount", image)).out.strip())
        await self.podman("image", "unmount", image)

    def _mounts(self) -> list[str]:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        return [line for line in mounts if str(self.folder) in line]


@asynccontextmanager
async def containers() -> AsyncIterator[Containers]:
    """Skips the test where there is no way to run one."""
    needs_root()
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}: `make test-deploy` installs them")
    folder = CACHE / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # `clear` would end another run's
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        engine = Containers(folder)
        await engine.clear()
        try:
            yield engine
        finally:
            await engine.clear()


def import_tree(engine: Containers, root: Path, tag: str, label: str) -> None:
    """A folder as an image of one layer."""
    left_out = ["./dev", "./proc", "./sys", "./var/cache/apt", "./var/lib/apt/lists"]
    tar = ["tar", "-C", str(root), *(f"--exclude={path}" for path in left_out), "-cf", "-", "."]
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    changes = [part for line in (path, f"LABEL {label}") for part in ("--change", line)]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing:
        subprocess.run(
            ["podman", "import", "--quiet", *changes, "-", tag],
            stdin=packing.stdout,
            env=os.environ | engine.environ,
            check=True,
            capture_output=True,
            timeout=SECONDS,
        )
    assert packing.returncode == 0
