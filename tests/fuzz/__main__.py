"""python -m fuzz --actions 200 --seed 1: exit 0 only if no fact differed."""

import argparse
import asyncio
import sys
import time

from fuzz.campaign import Options, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--verbose", action="store_true", help="also say why actions failed")
    asked = parser.parse_args()
    started = time.monotonic()
    say(f"seed {asked.seed}")
    result = asyncio.run(run(Options(asked.actions, asked.seed), say))
    tally = result.tally
    for reason, count in tally.reverts.most_common() if asked.verbose else ():
        say(f"{count:>6} x {reason}")
    broken = [] if result.failure else tally.broken_promises()
    for line in (*tally.table(), *(f"the generator broke its word: {fault}" for fault in broken)):
        say(line)
    say(f"{tally.remarks()}, {time.monotonic() - started:.0f} s")
    say(tally.last_line())
    return 1 if broken or tally.mismatches else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
