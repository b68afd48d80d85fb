"""`?format=csv`: all rows of one block as a table, sent page by page."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from monitor.errors import QuestionError
from monitor.web.headers import harden
from monitor.web.parameters import LISTED
from monitor.web.tables import CsvText, Table

MOST_EXPORTS = 2
"""Each holds on to the positions of its block until the last one is sent."""
EXPORT_SECONDS = 120.0
"""For all of one. Who takes longer reads the lists page by page."""
CONTENT_TYPE = "text/csv; charset=utf-8; header=present"


def is_csv(query: Mapping[str, str]) -> bool:
    """Whether a table is asked for. Raises QuestionError."""
    asked = query.get("format", "json")
    if asked not in ("json", "csv"):
        raise QuestionError(f"format = {asked!r}: expected json or csv")
    wrong = [name for name in LISTED if name in query]
    if asked == "csv" and wrong:
        raise QuestionError(f"format = 'csv' is all rows at once: leave out {' and '.join(wrong)}")
    return asked == "csv"


class Exports:
    """Those under way."""

    def __init__(self) -> None:
        self._count = 0

    async def send(
        self, request: web.Request, table: Table, pages: AsyncIterator[dict[str, Any]]
    ) -> web.StreamResponse:
        """Raises QuestionError before anything is sent; afterwards the connection breaks off, so
        that nobody takes a part for the whole.
        """
        if self._count >= MOST_EXPORTS:
            raise QuestionError(f"{MOST_EXPORTS} exports are under way: ask again later", 503)
        self._count += 1
        try:
            first = await anext(pages)
            async with asyncio.timeout(EXPORT_SECONDS):
                return await _sent(request, CsvText(table), _name(table, first), first, pages)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionError("an export was not taken in time") from None
        finally:
            self._count -= 1


async def _sent(
    request: web.Request,
    text: CsvText,
    name: str,
    first: Mapping[str, Any],
    pages: AsyncIterator[dict[str, Any]],
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": CONTENT_TYPE,
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )
    harden(response)
    try:
        await response.prepare(request)
        await response.write(text.header() + await asyncio.to_thread(text.rows, first))
        async for page in pages:
            await response.write(await asyncio.to_thread(text.rows, page))
        await response.write_eof()
    except ConnectionError:
        if request.transport is not None and not request.transport.is_closing():
            raise
        # Who asked has left: no fault of ours.
    return response


def _name(table: Table, page: Mapping[str, Any]) -> str:
    return f"{table.name}-{page['block']['number']}.csv"
