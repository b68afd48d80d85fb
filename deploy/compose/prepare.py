"""What compose.yaml runs first: makes the secrets nobody has to think of, and hands all on.

/given is deploy/compose/credentials, of whoever owns the checkout, with whatever modes. /handed-on
is a volume in which each file belongs to the container that reads it, and to nobody else.
"""

import os
import secrets
import sys
from pathlib import Path

GIVEN = Path("/given")
HANDED_ON = Path("/handed-on")
MONITOR, GRAFANA = 10001, 472
"""The users that the images run as."""
NEEDED = "endpoints"
MADE = ("token", "grafana_password")
CONFIG = 78


def main() -> int:
    """Exit code 78 and a sentence on stderr when there is no node to ask."""
    needed = GIVEN / NEEDED
    if not (needed.is_file() and needed.read_text().strip()):
        sys.stderr.write(
            f"deploy/compose/credentials/{NEEDED}: there is no such file, or it is empty: expected "
            "the URLs of your Ethereum nodes, one a line, preferred first. Write it, and "
            "`docker compose up` again.\n"
        )
        return CONFIG
    owner = GIVEN.stat()
    for name in MADE:
        if not (GIVEN / name).exists():
            write(GIVEN / name, f"{secrets.token_urlsafe(32)}\n", owner.st_uid, owner.st_gid)
    given = {path.name for path in GIVEN.iterdir() if is_secret(path)}
    for left in HANDED_ON.iterdir():
        if left.name not in given:
            left.unlink()
    for name in given:
        user = GRAFANA if name == "grafana_password" else MONITOR
        write(HANDED_ON / name, (GIVEN / name).read_text(), user, user)
    sys.stderr.write(f"handed on: {', '.join(sorted(given))}\n")
    return 0


def is_secret(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix != ".md"


def write(path: Path, text: str, user: int, group: int) -> None:
    """Whole or not at all, and readable for one user."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o400)
    partial.write_text(text)  # as root: the mode is for those who come later
    os.chown(partial, user, group)
    partial.rename(path)


if __name__ == "__main__":
    sys.exit(main())
