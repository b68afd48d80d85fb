"""Where records live in the ledger: their kinds, their keys, and how a key is made."""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from monitor.core.units import Address, AssetId, BlockHash, MarketId


class Kind(StrEnum):
    """The kinds of records."""

    MARKET = "market"
    RESERVE = "reserve"
    RATE = "rate"
    PAIR = "pair"
    TOKEN = "token"
    RECEIPT = "receipt"
    HOLDER = "holder"
    GROWTH = "growth"
    HOURLY = "hourly"
    CATEGORY = "category"
    POSITION = "position"
    PRICE = "price"
    FEED = "feed"
    POOL = "pool"
    PRODUCT_POOL = "product_pool"
    STABLE_POOL = "stable_pool"
    FAULT = "fault"
    OWNER = "owner"
    TRAIL = "trail"
    LOOPS = "loops"


OBSERVED = frozenset({Kind.GROWTH, Kind.HOURLY, Kind.OWNER, Kind.TRAIL, Kind.LOOPS})
"""What was seen on the way, not what the contracts say now: two ledgers that began at different
blocks may differ in it."""


class Key(NamedTuple):
    """Where a record lives. `market` is empty for what belongs to no market (a pool); holders are
    grouped by their claim instead, so that each claim's can be walked.
    """

    kind: Kind
    market: MarketId
    sub_market: str
    subject: str


def market_key(market: MarketId) -> Key:
    return Key(Kind.MARKET, market, "", "")


@lru_cache(4_096)
def reserve_key(market: MarketId, asset: AssetId, sub_market: str = "") -> Key:
    return Key(Kind.RESERVE, market, sub_market, asset)


def rate_key(market: MarketId, asset: AssetId) -> Key:
    return Key(Kind.RATE, market, "", asset)


def pair_key(market: MarketId, sub_market: str) -> Key:
    return Key(Kind.PAIR, market, sub_market, "")


def token_key(asset: AssetId) -> Key:
    return Key(Kind.TOKEN, MarketId(""), "", asset)


def receipt_key(token: AssetId) -> Key:
    return Key(Kind.RECEIPT, MarketId(""), "", token)


def holder_key(token: AssetId, account: Address) -> Key:
    return Key(Kind.HOLDER, MarketId(token), "", account)


def growth_key(token: AssetId) -> Key:
    return Key(Kind.GROWTH, MarketId(""), "", token)


def hourly_key(asset: AssetId) -> Key:
    return Key(Kind.HOURLY, MarketId(""), "", asset)


def category_key(market: MarketId, number: int) -> Key:
    return Key(Kind.CATEGORY, market, "", str(number))


@lru_cache(4_096)
def position_key(market: MarketId, account: Address, sub_market: str = "") -> Key:
    return Key(Kind.POSITION, market, sub_market, account)


def price_key(market: MarketId, asset: AssetId, sub_market: str = "") -> Key:
    return Key(Kind.PRICE, market, sub_market, asset)


def feed_key(contract: Address) -> Key:
    return Key(Kind.FEED, MarketId(""), "", contract)


def pool_key(pool: Address, kind: Kind = Kind.POOL) -> Key:
    return Key(kind, MarketId(""), "", pool)


def fault_key(block: BlockHash) -> Key:
    return Key(Kind.FAULT, MarketId(""), "", block)


def owner_key(account: Address) -> Key:
    return Key(Kind.OWNER, MarketId(""), "", account)


def trail_key(owner: Address) -> Key:
    return Key(Kind.TRAIL, MarketId(""), "", owner)


def loops_key(owner: Address) -> Key:
    return Key(Kind.LOOPS, MarketId(""), "", owner)
