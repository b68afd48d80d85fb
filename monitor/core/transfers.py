"""The ERC-20 Transfer event, which any contract may write and every token writes alike."""

from monitor.core.blocks import RawLog
from monitor.core.units import Address

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""keccak of Transfer(address,address,uint256). ERC-721 has the same, with a fourth topic."""
PADDING = "0x" + "0" * 24
TOPIC_DIGITS = 2 + 64


def parties(log: RawLog) -> tuple[Address, Address] | None:
    """Sender and receiver. None of what is no ERC-20 transfer."""
    topics = log.topics
    if len(topics) != 3 or topics[0] != TRANSFER:
        return None
    for topic in topics[1:]:
        if len(topic) != TOPIC_DIGITS or not topic.startswith(PADDING):
            return None
    return Address("0x" + topics[1][-40:]), Address("0x" + topics[2][-40:])


def topic_of(account: Address) -> str:
    """The word under which an account is an indexed argument."""
    return PADDING + account[2:]
