"""`-o FILE` of `positions` and `loops`: all rows of one block, as a table for data tools."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Protocol

import typer

from monitor import __version__, garbage
from monitor.console import err, interruptible, loaded, out
from monitor.errors import QuestionError
from monitor.settings import Settings
from monitor.web.tables import CsvText, Table

STDOUT = Path("-")
USUAL_ROWS = 100
"""Of a page."""
ENDINGS = (".csv", ".parquet")
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="write all rows to FILE.csv or FILE.parquet; - for CSV on stdout"
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="replace the file that is there")]
Pages = Callable[[Any], AsyncIterator[dict[str, Any]]]
"""Of answers, all pages of a list."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where a table goes. `is_part`: whether a page of it was asked for, or a document."""

    output: Path
    force: bool
    is_part: bool


class Writer(Protocol):
    """Takes pages of the JSON answer. `written`: rows so far."""

    written: int

    def write(self, page: Mapping[str, Any]) -> None: ...


class CsvFile:
    """A Writer."""

    def __init__(self, file: BinaryIO, table: Table) -> None:
        self._file = file
        self._text = CsvText(table)
        self.written = 0
        file.write(self._text.header())

    def write(self, page: Mapping[str, Any]) -> None:
        self._file.write(self._text.rows(page))
        self.written = self._text.written


def export(config: Path, order: Order, table: Table, pages: Pages) -> None:
    """All rows of a list. Raises QuestionError for an order that cannot be met."""
    from monitor.store.placing import check_new, ordered

    ending = _ending(order)
    settings = loaded(config)
    if order.output == STDOUT:
        place: AbstractContextManager[BinaryIO] = nullcontext(sys.stdout.buffer)
    else:
        check_new(order.output, force=order.force)
        place = ordered(order.output, force=order.force)
    with place as file, _until_nobody_reads(order):
        block, count = interruptible(_written(settings, file, (table, ending), pages))
        file.flush()
        where = "stdout" if order.output == STDOUT else str(order.output)
        told = err if order.output == STDOUT else out
        told.print(f"{count} rows of block {block['number']} in {where}", soft_wrap=True)


@contextmanager
def _until_nobody_reads(order: Order) -> Iterator[None]:
    """`-o - | head` has what it wanted: that is no fault."""
    try:
        yield
    except BrokenPipeError:
        if order.output != STDOUT:
            raise
        # What is buffered would be written, and fail, once more at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ending(order: Order) -> str:
    """.csv or .parquet. Raises QuestionError."""
    if order.is_part:
        raise QuestionError("-o writes all rows: leave out --cursor, --limit and --json")
    if order.output == STDOUT:
        return ".csv"
    ending = order.output.suffix.lower()
    if ending not in ENDINGS:
        raise QuestionError(
            f"-o {order.output}: its ending says what is written: expected .csv or .parquet, or "
            "- for CSV on stdout"
        )
    if ending == ".parquet":
        from monitor.parquet import check_installed

        check_installed()
    return ending


async def _written(
    settings: Settings, file: BinaryIO, what: tuple[Table, str], pages: Pages
) -> tuple[Mapping[str, Any], int]:
    """The block, and how many rows. `what`: the table, and the ending of its file."""
    with garbage.undisturbed():
        from monitor.desk import desk

    table, ending = what
    async with desk(settings) as answers:
        each = pages(answers)
        first = await anext(each)
        with _writer(file, ending, table, _provenance(settings, table, first)) as writer:
            writer.write(first)
            async for page in each:
                writer.write(page)
    return first["block"], writer.written


@contextmanager
def _writer(
    file: BinaryIO, ending: str, table: Table, provenance: Mapping[str, str]
) -> Iterator[Writer]:
    if ending == ".parquet":
        from monitor.parquet import parquet_pages

        with parquet_pages(file, table, provenance) as pages:
            yield pages
    else:
        yield CsvFile(file, table)


def _provenance(settings: Settings, table: Table, page: Mapping[str, Any]) -> dict[str, str]:
    """Of what these rows are, for who finds the file later."""
    block = page["block"]
    return {
        "table": table.name,
        "version": __version__,
        "chain_id": str(settings.chain.chain_id),
        "namespace": settings.store.namespace,
        **{f"block_{key}": str(block[key]) for key in ("number", "hash", "timestamp")},
    }
