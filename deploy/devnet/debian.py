"""Programs from Debian's packages, unpacked beside the local chain and installed nowhere."""

import shutil
import subprocess
from pathlib import Path

from devnet.cache import CACHE, InstallError
from devnet.install import whole_folder

_LAID_OVER = 'mount -t overlay overlay -o "lowerdir=$0:/usr/share" /usr/share && exec "$@"'
"""Runs a program as if its own files were in /usr/share, where it looks for them."""


def debian_command(package: str, binary: str) -> list[str]:
    """How to start `usr/bin/<binary>` of a package; whatever version apt knows of is fetched once.

    The process started is the program itself. Raises InstallError where there is no apt, no
    network, no such package, or no user namespaces to lay its files over /usr/share in.
    """
    target = CACHE / f"debian-{package}"
    if not target.exists():
        with whole_folder(target) as scratch:
            _run(["apt-get", "download", package], scratch)
            (archive,) = scratch.glob("*.deb")
            _run(["dpkg-deb", "-x", str(archive), str(scratch)], scratch)
            archive.unlink()
    found = target / "usr" / "bin" / binary
    if not found.is_file():
        raise InstallError(f"Debian's package {package} holds no {binary}: remove {target}")
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _LAID_OVER]
    prefix.append(str(target / "usr" / "share"))
    _run([*prefix, "true"], target)
    return [*prefix, str(found)]


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise InstallError(f"{command[0]} not found: expected Debian, or a system made of it")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        words = " ".join(said) or done.stderr.strip()
        raise InstallError(f"{' '.join(command[:3])} failed: {words}")
