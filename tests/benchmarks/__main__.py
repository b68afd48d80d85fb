"""`make bench`: the table of what the daemon costs, side by side with what one would write instead.

A benchmark is no test: it ends with 0 whether goals are met or not, and the table says which are.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks import table
from benchmarks.decoding import decoding_rows
from benchmarks.delivering import delivering_rows
from benchmarks.fetching import fetching_rows
from benchmarks.folding import folding_rows
from benchmarks.projecting import projecting_rows
from benchmarks.recursing import recursing_rows
from benchmarks.soak import soak_rows
from benchmarks.storing import storing_rows
from benchmarks.timing import Row
from benchmarks.traffic import busy_market
from monitor import garbage

TOPICS = ("ingest", "loops", "cascade", "store", "delivering", "soak")


async def ingest_rows() -> list[Row]:
    rows: list[Row] = []
    async with busy_market() as traffic:
        garbage.settle()  # as the daemon does, and for every arm
        for measure in (decoding_rows, fetching_rows, folding_rows):
            rows += await measure(traffic)
    return rows


async def measured(topics: list[str], soak_seconds: int, alerts: int) -> list[Row]:
    measures: dict[str, Callable[[], Awaitable[list[Row]]]] = {
        "ingest": ingest_rows,
        "loops": recursing_rows,
        "cascade": projecting_rows,
        "store": storing_rows,
        "delivering": partial(delivering_rows, alerts),
        "soak": partial(soak_rows, soak_seconds),
    }
    rows: list[Row] = []
    for topic in topics:
        sys.stderr.write(f"{topic} ...\n")
        rows += await measures[topic]()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--soak-seconds", type=int, default=300)
    parser.add_argument("--alerts", type=int, default=10_000, help="of the topic delivering")
    parser.add_argument("--only", choices=TOPICS, action="append", help="may be given repeatedly")
    asked = parser.parse_args()
    rows = asyncio.run(measured(asked.only or list(TOPICS), asked.soak_seconds, asked.alerts))
    table.show(rows)
    sys.stdout.write(f"as JSON: {table.write(rows)}\n{table.summary(rows)}\n")


if __name__ == "__main__":
    main()
