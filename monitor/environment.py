"""The configuration as one tree of plain values: the TOML file, the environment over it, secrets.

A variable `CASCADE_MONITOR_A__B` is the key `a.b`; in a list of tables the number is part of the
path (`CASCADE_MONITOR_WEBHOOKS__0__URL`). A value that begins with `[` or `{` is JSON; everything
else is text, which numbers and booleans are read from. Keys that hold `:`, `/` or `.` (shocks) have
no variable of their own: give the whole table as JSON.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError

PREFIX = "CASCADE_MONITOR_"
MOST_BYTES = 2**20
MOST_FAULTS = 200
LONGEST_FAULT = 600
# Reading one takes time by the square of its parts.
_DEEP_KEY = re.compile(rb"""(?:\.[ \t]*["'\w-]+[ \t]*){64}""")
NAMED_BY_THE_USER = frozenset({"assets", "scenarios"})

Tree = dict[str, Any]


def read_toml(path: Path) -> Tree:
    """The file as a tree. Raises ConfigError when it is not there, not readable or not TOML."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it is longer than {MOST_BYTES} bytes")
        if _DEEP_KEY.search(data):
            raise ValueError("a key has more than 64 parts")
        return tomllib.loads(data.decode())
    except PermissionError as error:
        raise ConfigError(
            f"{path}: Permission denied: expected a configuration that the user {os.getuid()} may "
            "read: chmod 644 it, its folder 755, and put secrets into files of their own"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. Expected a configuration file: name one with --config. "
            "`cascade-monitor init` writes one to begin with."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(*readable([f"{path}: not TOML: {error}"])) from error


def readable(faults: Iterable[str]) -> list[str]:
    """Each once, on one line of printable text, and not more than anybody reads."""
    found = list(dict.fromkeys(faults))
    rest = [f"and {len(found) - MOST_FAULTS} more faults"] if found[MOST_FAULTS:] else []
    return [_line(fault) for fault in found[:MOST_FAULTS]] + rest


def overlay(tree: Tree, environ: Mapping[str, str], tables: frozenset[str]) -> list[str]:
    """Write the variables into the tree; returns the faults. `tables`: the known top-level keys."""
    faults = []
    for name in sorted(environ, key=_in_order):
        path = name.removeprefix(PREFIX).split("__")
        # Kubernetes gives a pod of a service CASCADE_MONITOR_PORT and the like: not ours.
        if not name.startswith(PREFIX) or (len(path) == 1 and path[0].lower() not in tables):
            continue
        try:
            _write(tree, path, _value(environ[name]))
        except ValueError as error:
            faults.append(f"{name}: {error}")
    return faults


def read_secret_files(
    tree: Tree, secrets: frozenset[tuple[str, str]], folder: Path, environ: Mapping[str, str]
) -> Iterator[str]:
    """Replace each `<secret>_file` by what the file holds; yields the faults.

    `secrets`: (section, key). One line becomes a text, several a list. Relative paths start at
    `folder`. What systemd handed over as a credential comes before the file of that path.
    """
    for section, secret in sorted(secrets):
        key = f"{secret}_file"
        for path, table in tables_of(tree, section):
            if isinstance(table.get(key), str):
                named = folder / table.pop(key)
                credential = _credential(named, folder, environ)
                yield from _read_secret(table, secret, named, credential, path)


def open_to_others(path: Path, secrets: frozenset[tuple[str, str]]) -> list[str]:
    """Which of the configuration and the files it names hold secrets for everybody to read.

    A group may be meant: so are secrets handed over by service managers.
    """
    tree, found = read_toml(path), []
    for section, secret in sorted(secrets):
        for _, table in tables_of(tree, section):
            if _is_telling(table.get(secret)):
                found.append(path)
            if isinstance(named := table.get(f"{secret}_file"), str):
                found.append(path.parent / named)
    return [str(each) for each in dict.fromkeys(found) if _is_open(each)]


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # behind a door that is closed to us too: it came by another way
        return False


def _is_telling(value: Any) -> bool:
    """Whether there is a secret in a key that may hold one: a local node's URL has none."""
    if isinstance(value, list):
        return any(map(_is_telling, value))
    if not isinstance(value, str) or value == "embedded":
        return False
    _, separator, rest = value.partition("://")
    return not separator or "@" in rest or len(rest.partition("/")[2]) >= 16


def tables_of(tree: Tree, section: str) -> Iterator[tuple[str, Tree]]:
    """What are tables in a section, with their paths: one, or those of a list."""
    match tree.get(section):
        case dict() as table:
            yield section, table
        case list() as items:
            for index, item in enumerate(items):
                if isinstance(item, dict):
                    yield f"{section}[{index}]", item


def _credential(named: Path, folder: Path, environ: Mapping[str, str]) -> Path | None:
    """What systemd makes of a file that it hands over with its folder; None without systemd.

    `LoadCredential=credentials:/etc/cascade-monitor/credentials` hands over the file `endpoints`
    in that folder as `credentials_endpoints`; beside the configuration it is
    `credentials/endpoints`, which is how the configuration names it.
    """
    handed = environ.get("CREDENTIALS_DIRECTORY")
    if not handed or not named.is_relative_to(folder):
        return None
    return Path(handed, "_".join(named.relative_to(folder).parts))


def _read_secret(
    table: Tree, secret: str, named: Path, credential: Path | None, at: str
) -> Iterator[str]:
    fault = f"{at}.{secret}_file = {str(named)!r}"
    if secret in table:
        yield f"{fault}: {at}.{secret} is given too: expected one of them"
        return
    try:
        path = credential if credential is not None and credential.is_file() else named
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        expected = "expected a readable file that holds it, on a line"
        if credential is not None:
            expected += f", or the credential {credential.name!r} from systemd (LoadCredential=)"
        yield f"{fault}: {error.strerror}: {expected}"
        return
    except UnicodeDecodeError:
        yield f"{fault}: not UTF-8 text: expected the secret on a line"
        return
    found = [line for line in lines if line]
    if not found:
        yield f"{fault}: the file is empty: expected the secret on a line"
        return
    table[secret] = found[0] if len(found) == 1 else found


def _line(fault: str) -> str:
    begin, end = fault[: LONGEST_FAULT // 2], fault[-(LONGEST_FAULT // 2) :]
    cut = fault if len(fault) <= LONGEST_FAULT else f"{begin} … {end}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sorts `…__10` behind `…__9`, so that a list can be written from its beginning."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split("__")]


def _value(text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON after the opening bracket: {error}") from error


def _write(tree: Tree, path: list[str], value: Any) -> None:
    """Put a value at a path, making the tables on the way. Raises ValueError where it cannot."""
    parent: Any = tree
    free = False
    for depth, part in enumerate(path[:-1]):
        key = _key(parent, part, free=free)
        free = depth == 0 and key in NAMED_BY_THE_USER
        empty: Any = [] if path[depth + 1].isdecimal() else {}
        if isinstance(parent, list) and key == len(parent):
            parent.append(empty)
        elif isinstance(parent, dict):
            parent.setdefault(key, empty)
        parent = parent[key]
    key = _key(parent, path[-1], free=free)
    if isinstance(parent, list) and key == len(parent):
        parent.append(value)
    else:
        parent[key] = value


def _key(parent: Any, part: str, *, free: bool) -> Any:
    match parent:
        case list():
            if not part.isdecimal() or int(part) > len(parent):
                raise ValueError(f"expected a number from 0 to {len(parent)} in place of {part!r}")
            return int(part)
        case dict():
            same = [key for key in parent if _folded(key) == _folded(part)]
            return same[0] if same else part if free else part.lower()
        case _:
            raise ValueError(f"{part!r} would be within a value: expected a table above it")


def _folded(key: str) -> str:
    """Shells know neither case nor dash in a variable's name by custom."""
    return key.lower().replace("-", "_")
