"""Transfer logs as steps of owners. Whatever a stranger's token writes is passed over."""

import pytest
from builders import USDC, a_hash, an_address

from monitor.core.blocks import RawLog
from monitor.core.transfers import TRANSFER, topic_of
from monitor.core.units import Address
from monitor.leverage.steps import Act, Step
from monitor.leverage.transfers import wallet_steps

ME, MY_OTHER, YOU, STRANGER = (an_address(name) for name in ("me", "my other", "you", "stranger"))
OWNERS: dict[Address, Address] = {ME: ME, MY_OTHER: ME, YOU: YOU}
TX = a_hash("tx")
WORD = f"{1000:064x}"


def a_transfer(
    sender: Address = ME,
    receiver: Address = STRANGER,
    *,
    data: str = WORD,
    topics: tuple[str, ...] | None = None,
) -> RawLog:
    told = (TRANSFER, topic_of(sender), topic_of(receiver)) if topics is None else topics
    return RawLog(USDC, told, data, a_hash("block"), 3, TX)


def steps(*logs: RawLog, ignored: frozenset[Address] = frozenset()) -> list[tuple[Address, Step]]:
    return list(wallet_steps(logs, OWNERS.get, ignored))


def a_step(act: Act) -> Step:
    return Step(TX, 3, act, USDC, 1000, None)


def test_wallet_steps__of_one_who_sends_and_one_who_receives__are_two() -> None:
    assert steps(a_transfer(ME, YOU)) == [(ME, a_step(Act.SENT)), (YOU, a_step(Act.RECEIVED))]


def test_wallet_steps__with_a_stranger__are_of_the_owner_alone() -> None:
    assert steps(a_transfer(ME, STRANGER)) == [(ME, a_step(Act.SENT))]
    assert steps(a_transfer(STRANGER, MY_OTHER)) == [(ME, a_step(Act.RECEIVED))]


def test_wallet_steps__within_one_owner_or_among_strangers__are_none() -> None:
    assert not steps(a_transfer(ME, MY_OTHER), a_transfer(STRANGER, an_address("another")))


def test_wallet_steps__of_an_ignored_token__are_none() -> None:
    assert not steps(a_transfer(), ignored=frozenset({USDC}))


PAIR = (topic_of(ME), topic_of(YOU))


@pytest.mark.parametrize(
    "log",
    [
        a_transfer(data=""),
        a_transfer(data=WORD[:-1]),
        a_transfer(data=WORD * 2),
        a_transfer(data="+" + WORD[1:]),
        a_transfer(data="z" * 64),
        a_transfer(data="0" * 64),
        a_transfer(topics=()),
        a_transfer(topics=(TRANSFER,)),
        a_transfer(topics=(TRANSFER, *PAIR, topic_of(ME))),
        a_transfer(topics=(a_hash("Approval"), *PAIR)),
        a_transfer(topics=(TRANSFER, PAIR[0][:-1], PAIR[1])),
        a_transfer(topics=(TRANSFER, "0x1" + PAIR[0][3:], PAIR[1])),
    ],
    ids=[
        "no data",
        "half a digit short",
        "two words",
        "a sign",
        "no hex",
        "nothing moved",
        "no topics",
        "no parties",
        "an ERC-721",
        "another event",
        "a short topic",
        "a topic that is no address",
    ],
)
def test_wallet_steps__of_what_is_no_transfer__are_none(log: RawLog) -> None:
    assert not steps(log)
