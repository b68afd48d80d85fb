"""python -m loops --worlds 20 --seed 1: exit 0 only if loops are told from decoys.

Precision and recall at least 0.99, so many kinds right, every stepwise loop's hops right, leverage
within 1e-9 of the contracts' own views.
"""

import argparse
import asyncio
import signal
import sys
import time

from loops.campaign import Options, run
from loops.verdict import Score


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loops",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    if asked.worlds < 1:
        parser.error(f"--worlds {asked.worlds}: expected at least 1")
    started = time.monotonic()
    say(f"seed {asked.seed}")
    try:
        score = asyncio.run(_run(Options(asked.worlds, asked.seed)))
    except asyncio.CancelledError:
        say("interrupted: everything was ended")
        return 130
    say(f"{time.monotonic() - started:.0f} s, {len(score.faults)} faults")
    say(score.remarks())
    say(score.last_line())
    return 0 if score.is_good else 1


async def _run(options: Options) -> Score:
    """Ended by Ctrl-C or SIGTERM, it still ends what it began."""
    run_itself = asyncio.ensure_future(run(options, say))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, run_itself.cancel)
    return await run_itself


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
