"""python -m fuzz --actions 200 --seed 1: exit 0 only if no fact differed.

After a mismatch it looks for the shortest failing prefix, says it and writes it to a file, which
python -m fuzz --replay FILE plays again: exit 1 if it still fails.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from fuzz import recording
from fuzz.campaign import Options, run
from fuzz.failure import shown
from fuzz.inquest import inquire


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--actions", type=int, default=200)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int)
    what.add_argument("--replay", type=Path, metavar="FILE", help="play a recorded failure again")
    parser.add_argument("--verbose", action="store_true", help="also say why actions failed")
    parser.add_argument("--no-shrink", action="store_true", help="after a mismatch just stop")
    asked = parser.parse_args()
    if asked.replay is not None:
        return replay(asked.replay)
    return fuzz(Options(asked.actions, asked.seed), asked.verbose, not asked.no_shrink)


def fuzz(options: Options, is_verbose: bool, shrinks: bool) -> int:
    started = time.monotonic()
    say(f"seed {options.seed}")
    result = asyncio.run(run(options, say))
    if result.failure is not None and shrinks:
        asyncio.run(inquire(options.seed, result.script, result.failure, say))
    tally = result.tally
    for reason, count in tally.reverts.most_common() if is_verbose else ():
        say(f"{count:>6} x {reason}")
    # A run that was cut short owes nothing.
    broken = [] if result.failure else tally.broken_promises()
    for line in (*tally.table(), *(f"the generator broke its word: {fault}" for fault in broken)):
        say(line)
    say(f"{tally.remarks()}, {time.monotonic() - started:.0f} s")
    say(tally.last_line())
    return 1 if broken or tally.mismatches else 0


def replay(path: Path) -> int:
    try:
        recorded = recording.read(path)
        found, steps = asyncio.run(recording.replay(recorded))
    except (OSError, ValueError, KeyError, TypeError) as fault:
        say(f"{path} cannot be played: {fault!r}; expected a file that the fuzz wrote")
        return 1
    for line in shown(found) if found else ():
        say(line)
    # No generator drew this: there is nothing to add up but how it ended.
    say(f"{steps} steps: {'it still fails' if found else 'it does not fail'}")
    return 1 if found else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
