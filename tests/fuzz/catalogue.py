"""Every verb with its name and its weight."""

from collections.abc import Callable
from dataclasses import dataclass

from devnet import Tx

from fuzz import governance, liquidations, verbs, weather
from fuzz.liquidations import Fits, ends_in_deficit, is_plain, is_same_asset
from fuzz.scene import Scene


@dataclass(frozen=True, slots=True)
class Verb:
    """One kind of action. `hunted`: the victims it waits for, which a price can make."""

    name: str
    weight: int
    draw: Callable[[Scene], Tx | None]
    hunted: Fits | None = None


SUPPLY = Verb("supply", 8, verbs.supply)
BORROW = Verb("borrow", 11, verbs.borrow)
REPAY = Verb("repay", 7, verbs.repay)
FEED = Verb("feed-move", 9, weather.feed)
TIME_JUMP = Verb("time-jump", 6, lambda _: None)
"""The only one without a transaction: it dates the block."""

VERBS = (
    SUPPLY,
    Verb("withdraw", 7, verbs.withdraw),
    BORROW,
    REPAY,
    Verb("repay-for-another", 4, verbs.repay_for_another),
    Verb("repay-with-atokens", 5, verbs.repay_with_atokens),
    Verb("liquidate", 5, liquidations.any_way, is_plain),
    Verb("liquidate-for-atokens", 6, liquidations.for_atokens, is_plain),
    Verb("liquidate-same-asset", 4, liquidations.same_asset, is_same_asset),
    Verb("liquidate-to-deficit", 4, liquidations.into_deficit, ends_in_deficit),
    Verb("transfer", 6, verbs.transfer),
    Verb("transfer-to-self", 3, verbs.transfer_to_self),
    Verb("transfer-all", 4, verbs.transfer_all),
    Verb("collateral-flag", 6, verbs.collateral_flag),
    Verb("e-mode", 5, verbs.e_mode),
    Verb("mint-to-treasury", 3, verbs.mint_to_treasury),
    Verb("cover-deficit", 3, governance.cover_deficit),
    Verb("reserve-factor", 4, governance.reserve_factor),
    Verb("risk-parameters", 5, governance.risk_parameters),
    Verb("halt", 3, governance.halt),
    Verb("flash-loan", 4, verbs.flash_loan),
    Verb("bundle", 3, verbs.bundle),
    Verb("bundled-liquidation", 3, liquidations.in_a_bundle, is_same_asset),
    Verb("trade", 6, verbs.trade),
    FEED,
    TIME_JUMP,
)
