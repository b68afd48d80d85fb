"""The images: the product's, built by its Dockerfile, and stand-ins for what no registry gives.

The base is Debian 12 with its own Python 3.11.2, under the name that the Dockerfile begins from:
not the official image, but of the same distribution and the same Python minor.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.cache import digest, made
from deploy.containers import Containers, import_tree
from deploy.rootfs import base_root
from deploy.wheelhouse import dependencies

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PRODUCT = "localhost/cascade-monitor:latest"
CONTEXT = "localhost/context:latest"
SERVICES = "localhost/services:latest"
# Docker's format keeps the health check; OCI's has none.
_BUD = ("bud", "--isolation", "chroot", "--network", "host", "--pull-never", "--layers",
        "--format", "docker")  # fmt: skip
_LABEL = "stand-in"
_SERVICES = """FROM {base}
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \\
      prometheus prometheus-alertmanager redis-server > /dev/null \\
 && ln -s prometheus-alertmanager /usr/bin/alertmanager \\
 && install -d -o 999 -g 999 /data \\
 && install -d -o 65534 -g 65534 /prometheus /alertmanager
"""
_SERVICE = "FROM {services}\nUSER {user}\nENTRYPOINT {entrypoint}\n"


def base_name() -> str:
    """What both stages of the Dockerfile begin from."""
    (name,) = set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE))
    return str(name)


async def base(engine: Containers) -> str:
    """The stand-in for the base, imported once."""
    root, name = base_root(), base_name()
    if await _label_of(engine, name) != root.name:
        import_tree(engine, root, name, f"{_LABEL}={root.name}")
    return name


async def product(engine: Containers) -> str:
    """The image of this checkout as it is now. Its dependencies' layer is cached."""
    await base(engine)
    before = await _id_of(engine, PRODUCT)
    folders = {"/wheels": dependencies(), "/build-wheels": _build_wheels()}
    options = " ".join(["--no-index", *(f"--find-links {path}" for path in folders)])
    mounts = [f"--volume={folder}:{path}:ro" for path, folder in folders.items()]
    given = [*mounts, f"--build-arg=PIP_OPTIONS={options}", "--file", str(DOCKERFILE)]
    await engine.buildah(*_BUD, *given, "--tag", PRODUCT, str(ROOT))
    if before and before != await _id_of(engine, PRODUCT):
        await engine.podman("rmi", before, check=False)
    return PRODUCT


async def context(engine: Containers) -> str:
    """An image of nothing but what a build is given of this checkout."""
    with tempfile.NamedTemporaryFile("w", suffix=".Dockerfile") as file:
        file.write("FROM scratch\nCOPY . /\n")
        file.flush()
        await engine.buildah(*_BUD, "--tag", CONTEXT, "--file", file.name, str(ROOT))
    return CONTEXT


async def service(engine: Containers, name: str, user: str, entrypoint: str) -> None:
    """Debian's program under the name of the image that is wanted. `entrypoint`: JSON, or ""."""
    text = _SERVICES.format(base=await base(engine))
    await _built(engine, SERVICES, text)
    await _built(engine, name, _SERVICE.format(services=SERVICES, user=user, entrypoint=entrypoint))


async def _built(engine: Containers, tag: str, dockerfile: str) -> None:
    """An image without a context."""
    folder = made(f"context-{digest(dockerfile.encode())}", lambda _: None)
    (folder / "Dockerfile").write_text(dockerfile)
    await engine.buildah(*_BUD, "--tag", tag, str(folder))


async def _id_of(engine: Containers, tag: str) -> str:
    found = await engine.podman("image", "inspect", "--format", "{{.Id}}", tag, check=False)
    return found.out.strip()


async def _label_of(engine: Containers, tag: str) -> str:
    shown = f'{{{{index .Labels "{_LABEL}"}}}}'
    found = await engine.podman("image", "inspect", "--format", shown, tag, check=False)
    return found.out.strip()


def _build_wheels() -> Path:
    """What builds the product's wheel: all of it plain Python."""
    lock = ROOT / "deploy" / "requirements-build.txt"

    def download(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
        command += ["--requirement", str(lock), "--dest", str(folder)]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert finished.returncode == 0, finished.stderr[-2000:]

    return made(f"build-wheels-{digest(lock.read_bytes())}", download)
