"""The tortured daemon's configuration: many breakers that speak often, and several receivers."""

from collections.abc import Sequence
from pathlib import Path

from stage import Stage

from torture.actor import PEOPLE
from torture.receivers import Receiver, Terms

RECEIVERS = (
    Terms("on-call"),
    Terms("desk", ("eth-cascade", "eth-quick", "ours")),
    Terms("records", is_final=True),
)
FINAL_ONLY = frozenset(terms.name for terms in RECEIVERS if terms.is_final)
LEASE_SECONDS = 2.0
BREAKERS = """
[[breakers]]
name = "eth-quick"
scenario = "eth-crash"
measure = "liquidated_usd"
warn = 15_000
trip = 60_000
clear = 14_000
escalate = [80_000, 110_000, 160_000]
remind_seconds = 60

[[breakers]]
name = "share"
scenario = "eth-crash"
measure = "share_of_market"
warn = 0.01
trip = 0.02
clear = 0.005
hold_blocks = 3

[[breakers]]
name = "debt-left"
scenario = "eth-crash"
measure = "unliquidated_usd"
warn = 1_000
trip = 20_000
clear = 500

[[breakers]]
name = "both"
scenario = "eth-crash"
measure = "liquidated_usd"
warn = 20_000
trip = 50_000
clear = 10_000
when = "all"
also = [
    { scenario = "eth-deep", measure = "share_of_market", warn = 0.02, trip = 0.05, clear = 0.01 },
]
min_seconds_between_trips = 100
remind_seconds = 36

[scenarios.eth-deep]
shocks = { WETH = -0.08 }
"""
WATCH = """
[[watch]]
name = "ours"
accounts = [%s]
health_below = 1.1
recover_above = 1.15
hold_blocks = 2
"""
BLINDNESS: dict[str, float] = {
    "hold_seconds": 1,
    "store_seconds": 0.5,
    "lag_blocks": 3,
    "outbox_seconds": 5,
    "head_age_seconds": 10**9,
    "clock_skew_seconds": 10**9,
}
"""Quick to be told. The chain's clock is not ours."""


def arranged(
    stage: Stage, receivers: Sequence[Receiver], name: str = "monitor", **changes: object
) -> tuple[Path, int]:
    """A configuration file, and the port its daemon listens on."""
    watch = WATCH % ", ".join(f'"{who}"' for who in PEOPLE)
    secret = stage.folder / "secret"
    webhooks = "".join(_webhook(receiver, secret, name) for receiver in receivers)
    return stage.config(
        name,
        webhook_url="",
        hold_blocks=2,
        blindness=BLINDNESS,
        more=BREAKERS + watch + webhooks,
        **changes,
    )


def arranged_pair(
    stage: Stage,
    receivers: Sequence[Receiver],
    name: str,
    redis_url: str,
    endpoints: tuple[str, str],
) -> tuple[Path, int]:
    """The same, of one of two that share a Redis."""
    config, port = arranged(stage, receivers, name, endpoints=endpoints)
    store = f'[store]\nurl = "{redis_url}"\nlease_seconds = {LEASE_SECONDS}'
    config.write_text(config.read_text().replace("[store]", store))
    return config, port


def _webhook(receiver: Receiver, secret_file: Path, sender: str) -> str:
    """`sender`: goes into the address, for nothing in a letter says which daemon wrote it."""
    terms = receiver.terms
    breakers = ", ".join(f'"{name}"' for name in terms.breakers)
    return f"""
[[webhooks]]
name = "{terms.name}"
url = "{receiver.url}?by={sender}"
secret_file = "{secret_file}"
breakers = [{breakers}]
delivery = "{"finalized" if terms.is_final else "instant"}"
allow_private = true
"""
