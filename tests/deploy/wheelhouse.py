"""The product and everything it needs as wheels for Debian 12: installs there need no network.

pip weighs the lock's markers by the Python it runs on, whatever it is told to download for. A
wheelhouse made by a newer Python would lack what only Debian's 3.11.2 needs. So the markers are
weighed here, and pip gets the lines that remain.
"""

import functools
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from deploy.cache import digest, made

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "requirements.txt"
PYTHON = "3.11.2"
# Debian 12 has glibc 2.36. pip wants each older name that still fits said.
GLIBC_MINORS = range(36, 4, -1)


@functools.cache
def wheelhouse() -> Path:
    """A folder with the wheels of deploy/requirements.txt and of this checkout as it is now."""
    needed = dependencies()
    with tempfile.TemporaryDirectory() as folder:
        wheel = _built(Path(folder))

        def gather(target: Path) -> None:
            for path in needed.glob("*.whl"):
                os.link(path, target / path.name)
            (target / wheel.name).write_bytes(wheel.read_bytes())

        key = digest(needed.name.encode(), wheel.name.encode(), wheel.read_bytes())
        return made(f"wheelhouse-{key}", gather, instead_of="wheelhouse-*")


def dependencies() -> Path:
    """A folder with the wheels of deploy/requirements.txt alone."""
    tags = list(_tags(platform.machine()))
    lines = "\n".join(_lines(LOCK.read_text()))
    key = digest(lines.encode(), PYTHON.encode(), *(tag.encode() for tag in tags))
    return made(f"wheels-{key}", functools.partial(_download, lines, tags))


def _lines(lock: str) -> Iterator[str]:
    """The lock's requirements that hold on the target, with their hashes."""
    target = {
        "implementation_name": "cpython",
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "python_full_version": PYTHON,
        "python_version": PYTHON.rpartition(".")[0],
        "sys_platform": "linux",
    }
    for line in lock.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            said, *hashes = line.split("--hash=")
            requirement = Requirement(said)
            if requirement.marker is None or requirement.marker.evaluate(target):
                pinned = f"{requirement.name}{requirement.specifier}"
                yield " ".join([pinned, *(f"--hash={each.strip()}" for each in hashes)])


def _tags(machine: str) -> Iterator[str]:
    yield from (f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS)
    yield from (f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "linux"))


def _download(lines: str, tags: list[str], folder: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write(lines)
        lock.flush()
        target = ["--python-version", PYTHON, "--implementation", "cp", "--abi", "cp311"]
        target += ["--abi", "abi3", "--abi", "none"]
        target += [part for tag in tags for part in ("--platform", tag)]
        _pip("download", "--no-deps", "--only-binary", ":all:", "--require-hashes", *target,
             "--dest", str(folder), "--requirement", lock.name)  # fmt: skip


def _built(folder: Path) -> Path:
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert finished.returncode == 0, f"pip {arguments[0]}: {finished.stderr[-2000:]}"
