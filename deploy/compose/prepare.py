"""What compose.yaml runs first: makes the secrets nobody has to think of, and hands all of them on.

/given is deploy/compose/secrets, of whoever owns the checkout, with whatever modes. /run/secrets is
a volume in which each file belongs to the container that reads it, and to nobody else.
"""

import os
import secrets
import sys
from pathlib import Path

GIVEN = Path("/given")
TAKEN = Path("/run/secrets")
MONITOR, GRAFANA = 10001, 472
"""The users that the images run as."""
NEEDED = "endpoints"
MADE = ("token", "grafana_password")
CONFIG = 78


def main() -> int:
    """Exit code 78 and a sentence on stderr when there is no node to ask."""
    needed = GIVEN / NEEDED
    if not (needed.is_file() and needed.read_text().strip()):
        where = f"deploy/compose/secrets/{NEEDED}"
        print(
            f"{where}: there is no such file, or it is empty: expected the URLs of your Ethereum "
            f"nodes, one a line, preferred first. Write it, then `docker compose up` again.",
            file=sys.stderr,
        )
        return CONFIG
    owner = GIVEN.stat()
    for name in MADE:
        if not (GIVEN / name).exists():
            write(GIVEN / name, f"{secrets.token_urlsafe(32)}\n", owner.st_uid, owner.st_gid)
    found = {path.name: path for path in GIVEN.iterdir() if is_secret(path)}
    for left in set(os.listdir(TAKEN)) - set(found):
        (TAKEN / left).unlink()
    for name, path in found.items():
        user = GRAFANA if name == "grafana_password" else MONITOR
        write(TAKEN / name, path.read_text(), user, user)
    print(f"handed on: {', '.join(sorted(found))}")
    return 0


def is_secret(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix != ".md"


def write(path: Path, text: str, user: int, group: int) -> None:
    """Whole or not at all, readable for one user."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(text)
    os.chown(partial, user, group)
    partial.rename(path)


if __name__ == "__main__":
    sys.exit(main())
