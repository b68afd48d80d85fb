"""Where downloaded and compiled things lie: a git-ignored folder, keyed by what made them."""

import hashlib
import platform
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CACHE = FOLDER / ".cache"
ANVIL_VERSION = "1.7.1"
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class InstallError(Exception):
    """The local chain cannot be installed here; the message says what to do."""


def digest(*paths: Path) -> str:
    contents = hashlib.sha256()
    for path in sorted(paths):
        contents.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return contents.hexdigest()[:16]


def packages_folder() -> Path:
    return CACHE / f"npm-{digest(FOLDER / 'package-lock.json')}"


def compiled_files() -> dict[str, Path]:
    """The groups of creation code, each keyed by what it is made of besides the packages."""
    contracts, compiler = FOLDER / "contracts", FOLDER / "compile.js"
    made_of = {
        "aave": (*(contracts / "aave").glob("*.sol"), compiler),
        "own": (*contracts.glob("*.sol"), compiler),
        "spark": (contracts / "spark" / "rounding.js", FOLDER / "compile_spark.js"),
        "unpacked": (FOLDER / "unpack.js",),
    }
    folder = packages_folder()
    return {name: folder / f"{name}-{digest(*paths)}.json" for name, paths in made_of.items()}


def anvil_platform() -> str:
    system = SYSTEMS.get(platform.system())
    machine = MACHINES.get(platform.machine().lower())
    if system is None or machine is None:
        raise InstallError(
            f"no anvil package for {platform.system()} {platform.machine()}: expected Linux or "
            "macOS on x86-64 or arm64. Run the local chain in a Linux container instead."
        )
    return f"{system}-{machine}"


def anvil_binary() -> Path:
    return CACHE / f"anvil-{ANVIL_VERSION}-{anvil_platform()}" / "bin" / "anvil"
