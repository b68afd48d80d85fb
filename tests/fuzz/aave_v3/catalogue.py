"""Every verb with its name and its weight.

All functions of Pool, PoolConfigurator and the two tokens of V3.6 that anybody can call are drawn
by some verb, but for these: permits and delegation by signature (the log and the effect are those
of the call they stand for, and the local chain's people have no keys); the borrowing fields of
isolation (only the idle reserve has a debt ceiling: the ledger keeps none of them, and no health
factor depends on them); aToken.rescueTokens, renounceAllowance and the like, which log nothing and
move nothing that is kept. `syncIndexesState` and `syncRatesState` are called by setReserveFactor.
"""

from fuzz.aave_v3 import (
    behalf,
    flash,
    governance,
    groundwork,
    liquidations,
    listings,
    sources,
    verbs,
    weather,
)
from fuzz.aave_v3.groundwork import against
from fuzz.aave_v3.liquidations import is_plain, is_same_asset, takes_supplies
from fuzz.aave_v3.scene import AaveScene
from fuzz.verb import Effect, Verb

HUNT = (against(is_plain), groundwork.repair)
SAME_ASSET_HUNT = (against(is_same_asset), groundwork.same_on_both_sides, groundwork.repair)
OPEN_HUNT = (against(takes_supplies), groundwork.same_on_both_sides, groundwork.repair)
DEFICIT_HUNT = (
    groundwork.beyond_rescue,
    groundwork.reopen,
    groundwork.apart,
    groundwork.repair,
)
COVER = (groundwork.umbrella_supplies, groundwork.into_deficit, *DEFICIT_HUNT)

VERBS: tuple[Verb[AaveScene], ...] = (
    Verb(groundwork.SUPPLY, 9, verbs.supply),
    Verb("supply-for-another", 4, behalf.supply_for_another),
    Verb("withdraw", 7, verbs.withdraw),
    Verb(groundwork.BORROW, 10, verbs.borrow),
    Verb("approve-delegation", 2, behalf.approve_delegation),
    Verb("borrow-on-credit", 4, behalf.borrow_on_credit),
    Verb(groundwork.REPAY, 7, verbs.repay),
    Verb("repay-for-another", 4, verbs.repay_for_another),
    Verb("repay-with-atokens", 5, verbs.repay_with_atokens),
    Verb("liquidate", 5, liquidations.any_way, HUNT),
    Verb("liquidate-for-atokens", 6, liquidations.for_atokens, HUNT),
    Verb("liquidate-same-asset", 4, liquidations.same_asset, SAME_ASSET_HUNT),
    Verb(groundwork.INTO_DEFICIT, 4, liquidations.into_deficit, DEFICIT_HUNT),
    Verb("transfer", 6, verbs.transfer),
    Verb("transfer-to-self", 3, verbs.transfer_to_self),
    Verb("transfer-all", 4, verbs.transfer_all),
    Verb("transfer-from", 3, behalf.transfer_from),
    Verb("collateral-flag", 6, verbs.collateral_flag),
    Verb("e-mode", 5, verbs.e_mode),
    Verb(groundwork.POSITION_MANAGER, 3, behalf.position_manager),
    Verb("managed", 3, behalf.managed, (groundwork.appoint,)),
    Verb("mint-to-treasury", 3, verbs.mint_to_treasury),
    Verb("cover-deficit", 3, governance.cover_deficit, COVER),
    Verb("reserve-factor", 4, governance.reserve_factor),
    Verb("risk-parameters", 4, governance.risk_parameters),
    Verb("rates", 3, governance.rates),
    Verb("caps", 2, governance.caps),
    Verb("flash-premium", 2, governance.flash_premium),
    Verb("e-mode-terms", 3, governance.e_mode_terms),
    Verb("e-mode-lists", 4, governance.e_mode_lists),
    Verb("halt", 3, governance.halt),
    Verb(groundwork.PAUSE, 2, governance.pause),
    Verb("ltv-zero", 2, governance.ltv_zero),
    Verb("borrowing-off", 2, governance.borrowing_off),
    Verb("donate", 1, governance.donate),
    Verb("list-reserve", 2, listings.list_reserve),
    Verb("idle-reserve", 3, listings.idle_reserve),
    Verb("upgrade", 2, listings.upgrade),
    Verb("flash-loan-simple", 3, flash.simple),
    Verb("flash-loan", 3, flash.several),
    Verb("flash-loan-into-debt", 4, flash.into_debt),
    Verb("bundle", 3, verbs.bundle),
    Verb("bundled-liquidation", 3, liquidations.in_a_bundle, OPEN_HUNT),
    Verb("multicall", 2, verbs.multicall),
    Verb(groundwork.FEED_MOVE, 9, weather.feed, (groundwork.repair,), Effect.PRICES),
    Verb(groundwork.PRICE_SOURCE, 3, sources.price_source, (groundwork.repair,), Effect.PRICES),
    Verb("price-blackout", 2, sources.blackout, (), Effect.DARKNESS),
    Verb("oracle", 2, sources.oracle, (groundwork.rival_agrees, groundwork.repair), Effect.PRICES),
)
