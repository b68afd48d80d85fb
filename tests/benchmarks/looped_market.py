"""A market of the size of mainnet's, drawn by dice: positions, owners, prices. Nothing is real.

Two thirds of the positions are in a pooled market with e-modes, the others in pairs. Every seventh
account is a proxy of another, who has positions of his own; one in five who are in a pair is in the
pooled market too. About 8 % owe what they pledge, or what is pegged to it.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

from builders import a_market, a_reserve, an_address

from monitor.core.keys import (
    Key,
    category_key,
    market_key,
    owner_key,
    pair_key,
    position_key,
    price_key,
    receipt_key,
    reserve_key,
    token_key,
)
from monitor.core.ledger import Holding, Market, Position, Record
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.reserves import Category
from monitor.core.units import (
    RAY,
    WAD,
    Address,
    AssetId,
    BaseValue,
    Bps,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
    Shares,
    Wad,
)
from monitor.leverage.account_code import HASHES

POSITIONS = 100_000
POOLED_POSITIONS = POSITIONS * 2 // 3
POOLED, PAIRED = MarketId("aave"), MarketId("morpho")
ASSETS = [an_address(f"asset {n}") for n in range(24)]
ETHERS, DOLLARS = ASSETS[:4], ASSETS[4:10]
VAULTS = [an_address(f"vault {n}") for n in range(10)]
PAIRS = [f"0x{n:064x}" for n in range(1_000)]
PROXY_CODE = HASHES["ds_proxy"][0]
LOOPED, OWING, IN_BOTH = 0.08, 0.5, 0.2


def account(number: int) -> Address:
    return an_address(f"account {number}")


def controllers() -> dict[Address, Address]:
    """Whom each proxy obeys: some have several, none obeys another proxy's way back."""
    return {
        account(number): account(number // 70 * 7 + 1) for number in range(0, POOLED_POSITIONS, 7)
    }


def records(dice: random.Random) -> Iterator[tuple[Key, Record]]:
    yield market_key(POOLED), a_market()
    yield market_key(PAIRED), Market("morpho_blue", an_address("morpho"))
    for number, listed in enumerate((ETHERS, DOLLARS), 1):
        yield category_key(POOLED, number), _category(number, listed)
    for asset in ASSETS:
        yield reserve_key(POOLED, asset), a_reserve(asset, symbol=asset[:8])
        yield token_key(asset), Token(asset[:8], 18)
    for number, vault in enumerate(VAULTS):
        yield receipt_key(vault), _vault(number)
    for number, sub_market in enumerate(PAIRS):
        yield pair_key(PAIRED, sub_market), pair(number)
    yield from prices(0)
    for proxy, master in controllers().items():
        yield owner_key(proxy), Ownership(OwnerKind.DS_PROXY, (master,), 1, PROXY_CODE)
    yield from _positions(dice)


def prices(wobble: int) -> Iterator[tuple[Key, Record]]:
    """All prices, `wobble` raw units off: each block has its own."""
    for asset in ASSETS:
        yield price_key(POOLED, asset), _price(asset, _usd_e8(asset) + wobble)
    for number, sub_market in enumerate(PAIRS):
        at = pair(number)
        path = (
            Edge(at.oracle, PriceKind.MARKET, "oracle", (at.collateral, at.loan)),
            _feed(at.collateral, _usd_e8(at.collateral) + wobble),
            replace(_feed(at.loan, _usd_e8(at.loan)), exponent=-1),
        )
        value = BaseValue(10**36 + wobble)
        yield price_key(PAIRED, at.collateral, sub_market), Price(value, at.oracle, path=path)


def pair(number: int) -> Pair:
    """Every tenth takes a vault's shares."""
    collateral = VAULTS[number // 10 % 10] if number % 10 == 0 else ASSETS[5 + number % 19]
    return Pair(
        loan=ASSETS[number % 5],
        collateral=collateral,
        oracle=an_address(f"oracle {number}"),
        rate_model=an_address("rates"),
        lltv_wad=Wad(86 * WAD // 100),
        updated_unix=0,
        supply_raw=RawAmount(10**24),
        supply_shares=Shares(10**30),
        debt_raw=RawAmount(10**23),
        debt_shares=Shares(10**29),
        collateral_raw=RawAmount(10**24),
        fee_wad=Wad(0),
    )


def _positions(dice: random.Random) -> Iterator[tuple[Key, Record]]:
    for number in range(POOLED_POSITIONS):
        yield position_key(POOLED, account(number)), _pooled(dice)
    for number, vault in enumerate(VAULTS):
        sub_market = PAIRS[5 + number]
        lent = (_held(pair(5 + number).loan),)
        yield position_key(PAIRED, vault, sub_market), Position(lent=lent)
    for number in range(POOLED_POSITIONS, POSITIONS - len(VAULTS)):
        who = number if dice.random() > IN_BOTH else dice.randrange(POOLED_POSITIONS)
        at = dice.randrange(len(PAIRS))
        pledged, owed = pair(at).collateral, pair(at).loan
        held = Position((_held(pledged, used=True),), (_held(owed),))
        yield position_key(PAIRED, account(who), PAIRS[at]), held


def _pooled(dice: random.Random) -> Position:
    """Some hold one asset, some three; half owe."""
    if dice.random() < LOOPED:
        mode = dice.choice((0, 1, 2))
        some = (DOLLARS, ETHERS, DOLLARS)[mode]
        pledged, owed = dice.sample(some, 2) if mode else [dice.choice(some)] * 2
        return Position((_held(pledged, used=True),), (_held(owed),), mode)
    held = sorted(dice.sample(ASSETS, dice.choice((1, 1, 2, 3))))
    owes = dice.random() < OWING
    debts = (_held(dice.choice(ASSETS)),) if owes else ()
    return Position(tuple(_held(asset, used=True) for asset in held), debts)


def _held(asset: AssetId, *, used: bool = False) -> Holding:
    return Holding(asset, ScaledAmount(10**18), Ray(RAY), used)


def _category(number: int, assets: list[Address]) -> Category:
    listed = tuple(sorted(assets))
    return Category(number, "pegged", Bps(9300), Bps(9500), Bps(10100), listed, listed)


def _vault(number: int) -> Receipt:
    return Receipt(
        *(ReceiptKind.ERC4626, pair(5 + number).loan, Shares(10**18), RawAmount(10**18)),
        *(Shares(10**18), RawAmount(10**18), RawAmount(0)),
        queue=(PAIRS[5 + number],),
    )


def _price(asset: AssetId, value: int) -> Price:
    """Ether's kin by a rate on ether, dollars under a cap."""
    feed = _feed(ASSETS[0] if asset in ETHERS else asset, value)
    if asset in ETHERS[1:]:
        rate = Edge(asset, PriceKind.EXCHANGE_RATE, "rate", (feed.source,), answer=1, decimals=0)
        return Price(BaseValue(value), asset, path=(rate, feed))
    if asset in DOLLARS:
        cap = Edge(asset, PriceKind.CAPPED, "cap", (feed.source,), cap=104 * 10**6, decimals=8)
        return Price(BaseValue(value), asset, path=(cap, feed))
    return Price(BaseValue(value), feed.source, path=(feed,))


def _usd_e8(asset: AssetId) -> int:
    return (1 if asset in DOLLARS else 3_000) * 10**8


def _feed(asset: AssetId, answer: int) -> Edge:
    source = an_address(f"feed of {asset}")
    return Edge(source, PriceKind.MARKET, "feed", asset=asset, answer=answer, decimals=8)
