"""ERC-20 transfers as steps of those who sent and received them. Any token may write such logs."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.blocks import RawLog
from monitor.core.transfers import parties
from monitor.core.units import Address
from monitor.leverage.steps import Act, Step

WORD_DIGITS = 64
HEX_DIGITS = frozenset("0123456789abcdef")


def wallet_steps(
    logs: Iterable[RawLog],
    owner_of: Callable[[Address], Address | None],
    ignored: frozenset[Address],
) -> Iterator[tuple[Address, Step]]:
    """What owners sent to others, and received of them; in log order.

    `owner_of`: None for an account that nobody follows. Nothing comes of tokens in `ignored`, of
    transfers within one owner, and of what is no ERC-20 transfer: a stranger's token may write
    anything.
    """
    for log in logs:
        told = None if log.address in ignored else parties(log)
        raw = 0 if told is None else _amount(log.data)
        if told is None or not raw:
            continue
        sender, receiver = owner_of(told[0]), owner_of(told[1])
        if sender == receiver:
            continue
        if sender is not None:
            yield sender, Step(log.tx_hash, log.log_index, Act.SENT, log.address, raw, None)
        if receiver is not None:
            yield receiver, Step(log.tx_hash, log.log_index, Act.RECEIVED, log.address, raw, None)


def _amount(data: str) -> int:
    """Raw; 0 of what is no single word."""
    is_word = len(data) == WORD_DIGITS and not set(data) - HEX_DIGITS
    return int(data, 16) if is_word else 0
