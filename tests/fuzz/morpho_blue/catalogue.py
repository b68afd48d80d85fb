"""Every verb of Morpho and of its vault, with its name and its weight.

All functions of Morpho that change anything are drawn by some verb, but for setAuthorizationWithSig
(its effect is that of the call it stands for), setOwner, and enableIrm and enableLltv, which move
nothing that is kept; of the vault those that move assets or decide how much may move.
"""

from fuzz.morpho_blue import (
    bundles,
    governance,
    groundwork,
    liquidations,
    vault,
    verbs,
    weather,
)
from fuzz.morpho_blue.groundwork import against
from fuzz.morpho_blue.liquidations import has_price, is_any, is_hopeless
from fuzz.morpho_blue.scene import MorphoScene
from fuzz.verb import Effect, Verb

HUNT = (against(is_any), groundwork.repair)
PRICED_HUNT = (against(has_price), groundwork.repair)
HOPELESS_HUNT = (against(is_hopeless), groundwork.repair)
STEADY = (groundwork.repair,)
VAULT = (groundwork.fill_vault,)

VERBS: tuple[Verb[MorphoScene], ...] = (
    Verb(groundwork.SUPPLY, 6, verbs.supply),
    Verb("withdraw", 5, verbs.withdraw, (groundwork.lend,)),
    Verb(groundwork.SUPPLY_COLLATERAL, 6, verbs.supply_collateral),
    Verb("withdraw-collateral", 5, verbs.withdraw_collateral, (groundwork.pledge,)),
    Verb(groundwork.BORROW, 7, verbs.borrow, (groundwork.pledge, groundwork.lend)),
    Verb(groundwork.REPAY, 6, verbs.repay),
    Verb("liquidate", 4, liquidations.by_collateral, HUNT),
    Verb("liquidate-shares", 4, liquidations.by_shares, PRICED_HUNT),
    Verb("liquidate-to-bad-debt", 3, liquidations.into_bad_debt, HOPELESS_HUNT),
    Verb("liquidate-but-a-wei", 2, liquidations.but_for_a_wei, HOPELESS_HUNT),
    Verb("accrue", 4, verbs.accrue),
    Verb(groundwork.AUTHORIZE, 3, verbs.authorize),
    Verb("on-behalf", 4, verbs.on_behalf, (groundwork.trust,)),
    Verb("bundle", 3, bundles.bundle),
    Verb("loop", 3, bundles.loop),
    Verb("flash-loan", 3, bundles.flash_loan),
    Verb("fee", 3, governance.fee),
    Verb("fee-recipient", 3, governance.fee_recipient),
    Verb("create-market", 2, governance.create_market),
    Verb("rate-model", 3, weather.rate_model),
    Verb(groundwork.VAULT_DEPOSIT, 3, vault.deposit),
    Verb("vault-withdraw", 3, vault.withdraw, VAULT),
    Verb("vault-redeem", 2, vault.redeem, VAULT),
    Verb("vault-transfer", 2, vault.transfer, VAULT),
    Verb("vault-reallocate", 3, vault.reallocate, VAULT),
    Verb("vault-cap", 2, vault.cap),
    Verb("vault-fee", 2, vault.fee),
    Verb(groundwork.PRICE, 5, weather.price, STEADY, Effect.PRICES),
    Verb("extreme-price", 2, weather.extreme_price, STEADY, Effect.PRICES),
    Verb("broken-oracle", 2, weather.broken_oracle, STEADY, Effect.PRICES),
    Verb("staking-rate", 2, weather.staking_rate, STEADY, Effect.PRICES),
)
