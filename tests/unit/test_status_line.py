from dataclasses import dataclass, replace
from typing import cast

import pytest
from builders import a_block

from monitor.beginning import Beginning
from monitor.chain.reader import NodeReader
from monitor.core.blocks import BlockRef
from monitor.core.ports import Probe
from monitor.leadership import Leadership
from monitor.standing import Standing
from monitor.status_line import MOST_LETTERS, StatusLine


@dataclass
class Daemon:
    """All that the line looks at."""

    applied: BlockRef | None = None
    head: BlockRef | None = None
    base: BlockRef | None = None
    past_read: int = 0
    is_standby: bool = False
    reasons: tuple[str, ...] = ()

    def ready(self) -> Probe:
        return Probe(not self.reasons, self.reasons)

    def line(self) -> StatusLine:
        return StatusLine(
            cast(Standing, self),
            cast(Leadership, self),
            cast(Beginning, self),
            cast(NodeReader, self),
        )


@pytest.mark.parametrize(
    ("daemon", "text"),
    [
        (Daemon(), "starting: loading the state"),
        (Daemon(base=a_block(number=90)), "first start: reading the markets' past until block 90"),
        (
            Daemon(base=a_block(number=90), past_read=30),
            "first start: reading the markets' past until block 90, read up to 30",
        ),
        (
            Daemon(applied=a_block(number=7)),
            "loaded block 7; waiting for the node to tell its head",
        ),
        (Daemon(a_block(number=7), a_block(number=7)), "following block 7"),
        (
            Daemon(
                a_block(number=7), a_block(number=7), reasons=("no price of X", "no price of Y")
            ),
            "following block 7; not ready: no price of X (and 1 more)",
        ),
        (Daemon(is_standby=True, reasons=("standby: led by a/1",)), "standby: led by a/1"),
    ],
)
def test_status_line__of_a_daemon__says_what_it_does(daemon: Daemon, text: str) -> None:
    assert daemon.line().text() == text


def test_status_line__while_it_catches_up__tells_the_part_of_the_way() -> None:
    daemon = Daemon(a_block(number=100), a_block(number=300))
    line = daemon.line()
    assert line.text() == "catching up: block 100 of 300 (0 %)"
    daemon.applied = a_block(number=250)
    assert line.text() == "catching up: block 250 of 300 (75 %)"
    daemon.applied = a_block(number=300)
    assert line.text() == "following block 300"
    # A block that has just come is no catching up; many are a way of their own.
    daemon.head = a_block(number=303)
    assert line.text() == "following block 300"
    daemon.head = a_block(number=400)
    daemon.applied = a_block(number=350)
    assert line.text() == "catching up: block 350 of 400 (50 %)"


def test_status_line__where_the_chain_turned_back__counts_from_there() -> None:
    daemon = Daemon(a_block(number=100), a_block(number=100))
    line = daemon.line()
    assert line.text() == "following block 100"
    daemon.applied = a_block(number=90)
    assert line.text() == "catching up: block 90 of 100 (0 %)"


def test_status_line__of_a_reason_that_is_long_or_of_several_lines__is_one_short_line() -> None:
    following = Daemon(a_block(number=7), a_block(number=7))
    forged = replace(following, reasons=("price of X\nREADY=1",)).line().text()
    assert forged == "following block 7; not ready: price of X READY=1"
    assert len(replace(following, reasons=("x" * 1000,)).line().text()) == MOST_LETTERS


def test_status_line__with_what_is_no_letter__stays_one_message_and_moves_no_cursor() -> None:
    hostile = "no price of \x1b[2JX\nREADY=1\x9b\u2028\udcff"
    text = Daemon(is_standby=True, reasons=(hostile,)).line().text()
    assert text == "no price of [2JX READY=1"
