"""python -m fidelity --worlds 50 --seed 1: exit 0 only if projections come true.

Liquidated debt within 1 % in every world, within 0.1 % in the median one; bad debt likewise,
relative to liquidated debt; collateral seized within 1 %; final prices within 0.1 %; at most 5 %
knife edges; worlds not tame.
--only k plays world k alone, as it is among the others.
"""

import argparse
import asyncio
import signal
import sys
import time

from rich.console import Console

from fidelity.campaign import Options, run
from fidelity.score import SHARES_FROM, Score


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fidelity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--worlds", type=int, default=3)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--only", type=int, metavar="K", help="world K alone")
    asked = parser.parse_args()
    if asked.worlds < 1:
        parser.error(f"--worlds {asked.worlds}: expected at least 1")
    started = time.monotonic()
    say(f"seed {asked.seed}")
    try:
        score = asyncio.run(_run(Options(asked.worlds, asked.seed, asked.only)))
    except asyncio.CancelledError:
        say("interrupted: everything was ended")
        return 130
    say(f"{time.monotonic() - started:.0f} s")
    misses = list(score.misses())
    for line in (score.remarks(), *summary(score), *misses):
        say(line)
    say(score.last_line())
    return 1 if misses else 0


async def _run(options: Options) -> Score:
    """Ended by Ctrl-C or SIGTERM, it still ends what it began."""
    # Nothing of it is seen but on a terminal; each world that is done is a line anywhere.
    with Console().status("") as shown:
        run_itself = asyncio.ensure_future(run(options, say, shown.update))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, run_itself.cancel)
        return await run_itself


def summary(score: Score) -> list[str]:
    asked = "" if len(score.verdicts) >= SHARES_FROM else f", not asked below {SHARES_FROM} worlds"
    return [
        f"{words}: {share:.0%} of worlds (at least {least:.0%}{asked})"
        for words, share, least in score.shares()
    ]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
