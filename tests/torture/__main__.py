"""python -m torture --kills 100 --seed 1: exit 0 only if nothing was lost, doubled or diverged."""

import argparse
import asyncio
import signal
import sys
import time

from torture.campaign import run
from torture.outcome import Options, Outcome, is_for_a_pair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--pair",
        action=argparse.BooleanOptionalAction,
        help="two daemons on one Redis; unless told, the seed decides",
    )
    asked = parser.parse_args()
    started = time.monotonic()
    has_pair = is_for_a_pair(asked.seed) if asked.pair is None else asked.pair
    say(f"seed {asked.seed}, {'two daemons on one Redis' if has_pair else 'one daemon'}")
    try:
        outcome = asyncio.run(_run(Options(asked.kills, asked.seed, has_pair)))
    except asyncio.CancelledError:
        say("interrupted: everything was ended")
        return 130
    for line in outcome.table():
        say(line)
    if outcome.log is not None:
        again = f"KILLS={asked.kills} SEED={asked.seed} PAIR={int(has_pair)}"
        say(f"again: make torture {again}; the log: {outcome.log}")
    say(f"{time.monotonic() - started:.0f} s")
    say(outcome.last_line())
    return 0 if outcome.is_clean else 1


async def _run(options: Options) -> Outcome:
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
