"""An owner's standings and what was seen of the money, in a few words."""

from collections.abc import Mapping, Sequence

from builders import USDC, WETH, an_address

from monitor.core.events import Place
from monitor.core.loops import Loop
from monitor.core.receipts import ReceiptKind
from monitor.core.reserves import Category
from monitor.core.trails import Hop, Side, Trail
from monitor.core.units import Address, AssetId, Bps, MarketId, RawAmount
from monitor.leverage.claims import Claim, Claims, Part
from monitor.leverage.loops import loops_of
from monitor.leverage.standings import Standing
from monitor.leverage.ties import Ties

AAVE, SPARK, MORPHO = MarketId("aave"), MarketId("spark"), MarketId("morpho")
OWNER = an_address("owner")
DAI, WSTETH, SHARE, ASHARE = (an_address(name) for name in ("DAI", "wstETH", "share", "aWETH"))
FIRST, SECOND = "0x" + "1" * 64, "0x" + "2" * 64

TIES = Ties({WETH: "eth", WSTETH: "eth", USDC: "usd", DAI: "usd"})
CLAIMS = Claims(
    {
        SHARE: Claim(ReceiptKind.ERC4626, USDC, (Part(USDC, (MORPHO, FIRST), 1),), RawAmount(1)),
        ASHARE: Claim(ReceiptKind.AAVE_ATOKEN, WETH, (Part(WETH, (AAVE, ""), 1),), RawAmount(1)),
        WSTETH: Claim(ReceiptKind.RATE_PROVIDER, WETH, (Part(WETH, None, 1),), RawAmount(1)),
    }
)


def has(
    market: MarketId,
    pledged: Sequence[AssetId] | Mapping[AssetId, int] = (),
    owed: Mapping[AssetId, int] | None = None,
    *,
    account: Address = OWNER,
    sub_market: str = "",
    category: Category | None = None,
) -> Standing:
    """`pledged`: how much of each, where that is given."""
    debts = tuple(sorted((owed or {}).items()))
    assets = tuple(sorted(pledged))
    raw = tuple(pledged[asset] for asset in assets) if isinstance(pledged, Mapping) else ()
    return Standing(Place(market, account, sub_market), assets, debts, category, raw)


def side(market: MarketId, asset: AssetId, account: Address = OWNER, sub_market: str = "") -> Side:
    return Side(market, sub_market, account, asset)


def hop(origin: Side, pledge: Side, raw: int = 100, tx: str = "0xa", *, flash: bool = False) -> Hop:
    return Hop(origin, RawAmount(raw), pledge, RawAmount(raw), (tx,), flash)


def trail(*hops: Hop, seen: Sequence[Side] | None = None) -> Trail:
    """Debts of hops are seen whole, if nothing else is said."""
    whole = {hop.origin for hop in hops} if seen is None else seen
    return Trail((), hops, tuple(sorted(whole)))


def category(collateral: Sequence[AssetId], borrowable: Sequence[AssetId]) -> Category:
    none = Bps(0)
    return Category(1, "", none, none, none, tuple(collateral), tuple(borrowable))


def found(
    *standings: Standing, seen: Trail | None = None, ties: Ties = TIES, owner: Address = OWNER
) -> tuple[Loop, ...]:
    loops = loops_of(owner, standings, seen, ties, CLAIMS)
    return () if loops is None else loops.loops


def legs(loop: Loop) -> list[tuple[str, AssetId, AssetId | None]]:
    return [(leg.market, leg.collateral, leg.debt) for leg in loop.path]
