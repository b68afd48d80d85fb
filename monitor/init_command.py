"""`cascade-monitor init`: a commented configuration; what a node can be asked is asked of it."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError
from rich.markup import escape

from monitor import garbage
from monitor.console import REDACTION, err, interruptible, out, progress
from monitor.draft import ENDPOINTS, Part, consequences, filled_in, parts_in, text_of
from monitor.errors import ConfigError, QuestionError
from monitor.grammar import EndpointUrl, is_private
from monitor.logs import configure
from monitor.shipped import EXAMPLES, MINIMAL, Example, example_of

FOR_ITS_OWNER, FOR_READERS = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written. `left_out`: what is not there, and why."""

    example: Example
    chain_id: int
    text: str
    left_out: Mapping[str, str]


def init(
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write")] = Path(
        "monitor.toml"
    ),
    chain: Annotated[
        str | None, typer.Option(help="ethereum, devnet or a number; else the node says which")
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(help="a node's URL, preferred first; - reads them from stdin, one a line"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite what is there")] = False,
) -> None:
    """Write a commented configuration, without what is not on the chain."""
    urls = _urls(endpoint or [])
    REDACTION.register(*urls)
    configure(REDACTION, level="error")
    wanted = None if chain is None else _chain_id(chain)
    are_telling = any(map(_is_telling, urls))
    secrets = output.parent / ENDPOINTS
    _check_free([output, *([secrets] if are_telling else [])], force=force)
    plan = _plan(wanted, urls, are_telling=are_telling)
    if are_telling:
        _write(secrets, "\n".join(urls) + "\n", FOR_ITS_OWNER, force=force)
    _write(output, plan.text, FOR_READERS, force=force)
    _tell(plan, output, secrets, urls, are_telling=are_telling)


def _plan(wanted: int | None, urls: Sequence[str], *, are_telling: bool) -> Plan:
    """`wanted`: the chain that was named. Raises ConfigError, TransientError."""
    if not urls:
        chain_id = 1 if wanted is None else wanted
        example = example_of(chain_id)
        text = example.text if example is not MINIMAL else filled_in(example.text, chain_id, None)
        return Plan(example, chain_id, text, {})
    with garbage.undisturbed():
        from monitor.inquiry import absences, chain_of, loaded

    chain_id = interruptible(chain_of(urls, _warn))
    if wanted not in (None, chain_id):
        raise ConfigError(f"the endpoint serves chain {chain_id}, --chain says {wanted}")
    example = example_of(chain_id)
    text = filled_in(example.text, chain_id, None if are_telling else urls)
    if example is MINIMAL:
        return Plan(example, chain_id, text, {})
    parts = parts_in(text)
    with progress("looking at the contracts") as tell:
        reasons = consequences(parts, interruptible(absences(parts, urls, tell)))
    _check_anything(parts, reasons, example)
    kept = text_of(parts, reasons)
    loaded(kept, urls)  # what is left must be a configuration
    return Plan(example, chain_id, kept, {parts[at].title: reasons[at] for at in sorted(reasons)})


def _check_anything(parts: Sequence[Part], reasons: Mapping[int, str], example: Example) -> None:
    markets = [at for at, part in enumerate(parts) if part.section == "markets"]
    if all(at in reasons for at in markets):
        raise ConfigError(
            f"of the markets in {example.file} none can be watched over this endpoint:",
            *(f"{parts[at].title}: {reasons[at]}" for at in markets),
            f"expected a node of the chain {example.name}: is it a test chain of that number?",
        )


def _urls(given: Sequence[str]) -> list[str]:
    """Raises QuestionError for what is no node's URL, without showing it."""
    told = [line for text in given for line in (sys.stdin if text == "-" else [text])]
    urls = [line.strip() for line in told if line.strip()]
    if given and not urls:
        raise QuestionError("--endpoint -: nothing was read: expected a URL a line")
    for number, url in enumerate(urls):
        try:
            TypeAdapter(EndpointUrl).validate_python(SecretStr(url))
        except ValidationError as error:
            expected = error.errors()[0]["ctx"]["error"]
            raise QuestionError(f"endpoint {number}: {expected}") from None
    return urls


def _chain_id(chain: str) -> int:
    named = {each.name: each.chain_id for each in EXAMPLES}
    if chain not in named and not re.fullmatch(r"[1-9]\d{0,18}", chain):
        raise QuestionError(f"--chain {chain}: expected {', '.join(named)} or a chain's number")
    return named.get(chain) or int(chain)


def _is_telling(url: str) -> bool:
    """Whether there may be a key in it: only a node of one's own is known to have none."""
    parts = urlsplit(url)
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    return not (is_private(parts.hostname) and is_bare)


def _check_free(paths: Sequence[Path], *, force: bool) -> None:
    """Before anything is asked. Raises QuestionError for what is not to be overwritten."""
    for path in paths:
        if path.exists() and not path.is_file():
            raise QuestionError(f"{path} is no file: name another with --output")
        if path.exists() and not force:
            raise QuestionError(_taken(path))


def _write(path: Path, text: str, mode: int, *, force: bool) -> None:
    """Raises ConfigError where it cannot be written, QuestionError where it came up meanwhile."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        # Who may read the file may enter its folder: a service's user is another than ours.
        path.parent.mkdir(mode=mode | (mode & 0o444) >> 2, exist_ok=True)
        if force:  # a new file: others may have the old one open, or may have linked it elsewhere
            path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, flags, mode), "w") as file:
            file.write(text)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.is_file():
            raise QuestionError(_taken(path)) from error
        raise ConfigError(
            f"{path}: {error.strerror}: expected a folder that can be written; name another file "
            "with --output"
        ) from error


def _taken(path: Path) -> str:
    return f"{path} exists: name another with --output, or say --force"


def _tell(
    plan: Plan, output: Path, secrets: Path, urls: Sequence[str], *, are_telling: bool
) -> None:
    """What was done, and what is next."""
    lines = [f"wrote {output}: chain {plan.chain_id}, after {plan.example.file}"]
    lines += [f"  left out {title}: {reason}" for title, reason in plan.left_out.items()]
    if are_telling:
        lines.append(f"wrote {secrets}: the endpoints, for its owner alone")
    elif not urls:
        lines.append(
            "to do: nothing was looked at; with --endpoint URL a node is asked what is there"
        )
        if ENDPOINTS in plan.text:
            lines.append(f"to do: put your nodes' URLs into {secrets}, one a line: chmod 600")
    if plan.example is MINIMAL:
        lines.append("to do: put in what is to be watched: at least one [[markets]] table")
    lines += [
        f"next:  cascade-monitor check --config {output}",
        f"       cascade-monitor run --config {output} --dry-run",
    ]
    for line in lines:
        out.print(escape(line), soft_wrap=True, highlight=False)


def _warn(words: str) -> None:
    err.print(f"[yellow]warn[/]  {escape(REDACTION.without(words))}", soft_wrap=True)
