"""The verbs of a market of Aave 3.0.2: those of 3.6 where it has them, and its own.

Left out beside what the other catalogue leaves out: everything at a stable rate, for the monitor
refuses a market that lends at one; and upgrades, since the code takes none of its own revision.
"""

from fuzz.aave_v3 import bridge, governance_3_0
from fuzz.aave_v3.catalogue import VERBS as LATER
from fuzz.aave_v3.scene import AaveScene
from fuzz.verb import Verb

LATER_ONLY = (
    *("liquidate-to-deficit", "cover-deficit", "position-manager", "managed", "multicall"),
    "upgrade",
)
OWN: tuple[Verb[AaveScene], ...] = (
    Verb("rates", 3, governance_3_0.rates),
    Verb("flash-premium", 2, governance_3_0.flash_premium),
    Verb("e-mode-terms", 3, governance_3_0.e_mode_terms),
    Verb("e-mode-lists", 3, governance_3_0.e_mode_lists),
    Verb("halt", 3, governance_3_0.halt),
    Verb("pause", 2, governance_3_0.pause),
    Verb("ltv-zero", 2, governance_3_0.ltv_zero),
    Verb("idle-reserve", 3, governance_3_0.idle_reserve),
    Verb("bridge-fee", 1, governance_3_0.bridge_fee),
    Verb("unbacked", 3, bridge.unbacked),
)
REPLACED = {verb.name for verb in OWN}
VERBS = (
    *(verb for verb in LATER if verb.name not in (*LATER_ONLY, *REPLACED)),
    *OWN,
)
