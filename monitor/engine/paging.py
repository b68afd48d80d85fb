"""Lists in pages: a cursor belongs to one block, and is where the next page begins in its list."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeVar

from monitor.core.blocks import BlockRef
from monitor.core.ports import LoopFilter, PositionFilter
from monitor.core.units import Address, address
from monitor.errors import QuestionError

Row = TypeVar("Row")
Wanted = TypeVar("Wanted", PositionFilter, LoopFilter)
PAGE_ROWS = 1000
_OFFSET_DIGITS = 12
_NUMBER_DIGITS = 30
"""A filter's number has no more before or behind its point: 1e999999999 would never be reckoned."""


def block_json(block: BlockRef) -> dict[str, Any]:
    """The `block` of every answer."""
    return {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}


def start_of(cursor: str | None, block: BlockRef) -> int:
    """Where a page begins. Raises QuestionError, 410 for a cursor of another block."""
    if cursor is None:
        return 0
    block_hash, _, offset = cursor.partition(":")
    if not offset.isdecimal() or len(offset) > _OFFSET_DIGITS:
        raise QuestionError(f"cursor {cursor!r} is none of ours: expected the answer's `next`")
    if block_hash != block.hash:
        raise QuestionError(
            f"the cursor belongs to block {block_hash}, which is no longer the newest: start "
            "again without a cursor.",
            status=410,
        )
    return int(offset)


def page_of(
    rows: Sequence[Row], start: int, limit: int, block: BlockRef
) -> tuple[Sequence[Row], str | None]:
    """The rows shown, and the cursor of those after them."""
    shown = rows[start : start + limit]
    end = start + len(shown)
    return shown, f"{block.hash}:{end}" if end < len(rows) else None


async def every_page(
    page: Callable[[Wanted], dict[str, Any]], wanted: Wanted
) -> AsyncIterator[dict[str, Any]]:
    """The whole list, from its beginning; each page is made in a thread when it is asked for.

    `page`: of a book, which stays as it is while the ledger moves on.
    """
    cursor: str | None = None
    while True:
        document = await asyncio.to_thread(page, replace(wanted, cursor=cursor, limit=PAGE_ROWS))
        yield document
        cursor = document["next"]
        if cursor is None:
            return


def asked_address(text: str) -> Address:
    """Raises QuestionError for what is none."""
    try:
        return address(text)
    except ValueError as error:
        raise QuestionError(str(error)) from error


def asked_number(name: str, text: str, what: str) -> Fraction:
    """A filter's number, exactly as it was written. Raises QuestionError."""
    wrong = QuestionError(f"{name} is {text!r}: expected {what}")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise wrong from error
    if not number.is_finite() or abs(number.adjusted()) > _NUMBER_DIGITS:
        raise wrong
    return Fraction(number)
