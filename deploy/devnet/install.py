"""Fetches and compiles everything the local chain is made of, into a git-ignored cache.

Each step is keyed by a hash of what it depends on and skipped when its result is there.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devnet.cache import (
    ANVIL_VERSION,
    CACHE,
    FOLDER,
    InstallError,
    anvil_binary,
    anvil_platform,
    compiled_files,
    packages_folder,
)

# Only this platform's package could be fetched and hashed by us; for the others we rely on npm's
# own check of the download against the registry's metadata.
ANVIL_INTEGRITY = {
    "linux-amd64": (
        "sha512-+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg=="
    ),
}

SCRIPTS = {"unpacked": ("unpack.js",), "spark": ("compile_spark.js",)}
"""Of the groups of contracts that compile.js does not make."""


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A scratch folder that becomes `target` only if the block succeeds."""
    CACHE.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=CACHE))
    try:
        yield scratch
        if not target.exists():
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run(command: list[str], folder: Path) -> str:
    if shutil.which(command[0]) is None:
        raise InstallError(f"{command[0]} not found: install Node.js 20 or newer")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InstallError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def install_packages() -> None:
    with whole_folder(packages_folder()) as scratch:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(FOLDER / name, scratch)
        run(["npm", "ci", "--ignore-scripts", "--omit=optional", "--omit=peer"], scratch)


def install_anvil() -> None:
    """Takes the platform's package by itself: in the lock, it would break the other platforms."""
    name = anvil_platform()
    with whole_folder(anvil_binary().parent.parent) as scratch:
        package = f"@foundry-rs/anvil-{name}@{ANVIL_VERSION}"
        packed = json.loads(run(["npm", "pack", package, "--json", "--silent"], scratch))
        tarball = (scratch / packed[0]["filename"]).read_bytes()
        check_integrity(package, tarball, ANVIL_INTEGRITY.get(name))
        with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
            binary = archive.extractfile("package/bin/anvil")
            if binary is None:
                raise InstallError(f"{package} holds no bin/anvil")
            (scratch / "bin").mkdir()
            (scratch / "bin" / "anvil").write_bytes(binary.read())
        (scratch / "bin" / "anvil").chmod(0o755)
        (scratch / packed[0]["filename"]).unlink()


def check_integrity(package: str, tarball: bytes, expected: str | None) -> None:
    got = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if expected is None:
        print(f"  {package} is not pinned here, its hash is {got}", flush=True)
    elif got != expected:
        raise InstallError(f"{package} was altered: expected {expected}, got {got}")


def compile_contracts() -> None:
    for group, target in compiled_files().items():
        if target.exists():
            continue
        script = SCRIPTS.get(group, ("compile.js", group))
        scratch = target.with_suffix(f".{os.getpid()}.part")
        run(["node", *script, str(packages_folder()), str(scratch)], FOLDER)
        scratch.replace(target)


def install() -> None:
    steps = (
        ("npm packages", (packages_folder(),), install_packages),
        ("anvil", (anvil_binary(),), install_anvil),
        ("contracts, compiled", tuple(compiled_files().values()), compile_contracts),
    )
    for title, results, step in steps:
        if all(result.exists() for result in results):
            print(f"devnet: {title}: present", flush=True)
            continue
        print(f"devnet: {title} …", flush=True)
        started = time.monotonic()
        step()
        print(f"devnet: {title}: done in {time.monotonic() - started:.1f} s", flush=True)


def main() -> int:
    try:
        install()
    except InstallError as error:
        print(f"devnet: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
