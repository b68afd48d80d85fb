"""ERC-20 transfers as steps of those who sent and received them. Any token may write such logs."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.blocks import RawLog
from monitor.core.units import Address
from monitor.leverage.steps import Act, Step

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""keccak of Transfer(address,address,uint256)."""
WORD_DIGITS = 64
PADDING = "0x" + "0" * 24


def wallet_steps(
    logs: Iterable[RawLog],
    owner_of: Callable[[Address], Address | None],
    ignored: frozenset[Address],
) -> Iterator[tuple[Address, Step]]:
    """What owners sent to others, and received of them; in log order.

    `owner_of`: None for an account that nobody follows. Nothing comes of tokens in `ignored`, of
    transfers within one owner, and of what is no ERC-20 transfer: a stranger's token may write
    anything, and an ERC-721 has the same event with another shape.
    """
    for log in logs:
        if log.address in ignored or not _is_transfer(log):
            continue
        raw = int(log.data, 16)
        if not raw:
            continue
        sender = owner_of(_account(log.topics[1]))
        receiver = owner_of(_account(log.topics[2]))
        if sender == receiver:
            continue
        if sender is not None:
            yield sender, Step(log.tx_hash, log.log_index, Act.SENT, log.address, raw, None)
        if receiver is not None:
            yield receiver, Step(log.tx_hash, log.log_index, Act.RECEIVED, log.address, raw, None)


def _is_transfer(log: RawLog) -> bool:
    topics = log.topics
    if len(topics) != 3 or topics[0] != TRANSFER or len(log.data) != WORD_DIGITS:
        return False
    is_padded = all(len(topic) == 66 and topic.startswith(PADDING) for topic in topics[1:])
    return is_padded and not set(log.data) - set("0123456789abcdef")


def _account(topic: str) -> Address:
    return Address("0x" + topic[-40:])
