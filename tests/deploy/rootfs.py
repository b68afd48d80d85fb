"""A Debian 12 system in a folder: what the unit is booted in and the image is based on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.cache import digest, made

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "dbus", "python3", "python3-venv", "systemd", "systemd-sysv")


def base_root() -> Path:
    """The cached tree, with Debian's own Python; never write into it.

    Some 300 MB; takes one to two minutes and the network where it is not cached yet.
    """
    needs_root()
    recipe = digest(SUITE.encode(), *(name.encode() for name in PACKAGES))
    return made(f"rootfs-{recipe}", _bootstrap)


def in_root(root: Path) -> list[str]:
    """A command that runs what follows in the tree, as its root, beside the host's network.

    What it writes goes to memory and is lost. Where systemd manages this machine it is asked for a
    place for the container; elsewhere there is nobody to ask.
    """
    needs_root()
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("needs systemd-nspawn: `make test-deploy` installs it")
    command = ["systemd-nspawn", "--quiet", f"--directory={root}", "--volatile=overlay"]
    command += ["--register=no", "--link-journal=no", "--console=pipe"]
    return command if Path("/run/systemd/system").is_dir() else [*command, "--keep-unit"]


def needs_root() -> None:
    """Skip the test where nothing can be booted or mounted."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a Debian system in a folder")
    if shutil.which("debootstrap") is None:
        pytest.skip("needs debootstrap: `make test-deploy` installs it")


def _bootstrap(folder: Path) -> None:
    # In namespaces of its own: what it mounts and starts is gone with it, however it ends.
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "debootstrap"]
    command += ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
    finished = subprocess.run(
        [*command, SUITE, str(folder)], capture_output=True, text=True, timeout=600, check=False
    )
    assert finished.returncode == 0, f"debootstrap: {finished.stdout[-2000:]}{finished.stderr}"
    # Downloaded packages are a third of the tree, and nobody installs them again.
    for package in (folder / "var" / "cache" / "apt" / "archives").glob("*.deb"):
        package.unlink()
