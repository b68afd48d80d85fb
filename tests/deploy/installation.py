"""The product installed as its users do it, by Debian's Python, and nothing from the network."""

import functools
import subprocess
from pathlib import Path

from deploy.cache import made
from deploy.rootfs import base_root, in_root
from deploy.wheelhouse import dependencies, wheelhouse

TARGET = "/opt/cascade-monitor"
PIP = f"{TARGET}/bin/pip install --quiet --no-index"


def installed() -> Path:
    """The cached environment that belongs at `TARGET`; of the present checkout."""
    root, wheels = base_root(), wheelhouse()
    base = made(f"venv-{dependencies().name}-{root.name}", functools.partial(_with_wheels, root))

    def add_product(folder: Path) -> None:
        # Linked, not copied: pip writes new files and leaves those that are there alone.
        subprocess.run(["cp", "--archive", "--link", f"{base}/.", folder], check=True)
        _run(root, folder, wheels, f"{PIP} --no-deps /wheels/cascade_monitor-*.whl")

    return made(f"venv-{wheels.name}-{root.name}", add_product, instead_of="venv-wheelhouse-*")


def _with_wheels(root: Path, folder: Path) -> None:
    all_wheels = f"{PIP} --no-deps /wheels/*.whl"
    _run(root, folder, dependencies(), f"python3 -m venv {TARGET} && {all_wheels}")


def _run(root: Path, folder: Path, wheels: Path, script: str) -> None:
    """Run in the tree, with the environment and wheels at hand."""
    binds = (f"--bind={folder}:{TARGET}", f"--bind-ro={wheels}:/wheels")
    command = [*in_root(root), *binds, "sh", "-ec", script]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
