"""The tables of the configuration about alerts: what fires, who is told, what they can do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from monitor.core.alerts import MONITOR, Severity
from monitor.engine.measures import Measure, When
from monitor.grammar import (
    Count,
    HexAddress,
    MarketIds,
    Name,
    Names,
    OneOrMore,
    Positive,
    Real,
    ReceiverUrl,
    SigningSecret,
    Threshold,
    WebhookUrl,
    is_private,
)
from monitor.schema import Fault, Table

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


class Limits(Table):
    """One measure with its thresholds."""

    scenario: str = Field(description="name of the scenario whose result is measured")
    measure: Measure = Field(description="what is measured; critical_… of a scenario with a curve")
    markets: Names = Field(
        default=("*",), description="names of the markets that count; * is all", min_length=1
    )
    warn: Threshold = Field(description="at this value or beyond it is warned")
    trip: Threshold = Field(description="at this value or beyond for hold_blocks it is tripped")
    clear: Threshold = Field(description="at this value or on its safe side it is cleared")

    def faults(self) -> Iterator[Fault]:
        worse, safer = ("below", "above") if self.measure.lower_is_worse else ("above", "below")
        if self.measure.at_or_beyond(self.clear, self.warn):
            yield (
                "clear",
                f"not on the safe side of warn = {self.warn}: expected a value {safer} it",
            )
        if self.measure.at_or_beyond(self.warn, self.trip):
            yield (
                "trip",
                f"not on the bad side of warn = {self.warn}: expected a value {worse} it",
            )


def _name_faults(name: str) -> Iterator[Fault]:
    """Alerts are told apart by name: of what is of the monitor itself, no block is waited for."""
    if name.startswith(MONITOR):
        yield "name", f"expected another beginning than {MONITOR}: those are the monitor's own"


class Breaker(Limits):
    name: Name = Field(description="unique; the label in API, alerts and metrics")
    also: tuple[Limits, ...] = Field(default=(), description="further measures of this breaker")
    when: When = Field(
        default=When.ANY, description="with also: as bad as its worst measure, or as its best"
    )
    hold_blocks: Positive = Field(default=1, description="consecutive blocks before it trips")
    min_seconds_between_trips: Count = Field(
        default=0, description="a new episode does not trip sooner after the last trip"
    )
    escalate: tuple[Threshold, ...] = Field(
        default=(), description="values beyond trip of the first measure, each told once"
    )
    remind_seconds: Positive | None = Field(
        default=None, description="say again so often what still fires; unset: never"
    )

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from _name_faults(self.name)
        for number, limits in enumerate(self.also):
            yield from ((f"also[{number}].{key}", text) for key, text in limits.faults())
        before = self.trip
        for value in self.escalate:
            if self.measure.at_or_safer(value, before):
                yield "escalate", f"{value} is not beyond {before}: expected each beyond the last"
            before = value


class Watch(Table):
    name: Name = Field(description="unique; the label in alerts; watch-<number> when left out")
    accounts: Annotated[tuple[HexAddress, ...], Field(min_length=1)] = Field(
        description="addresses of your accounts"
    )
    markets: Names = Field(
        default=("*",), description="names of the markets; * is all", min_length=1
    )
    health_below: Annotated[Threshold, Field(gt=0)] = Field(
        description="below this health it alerts; below 1 an account can be liquidated"
    )
    recover_above: Annotated[Threshold, Field(gt=0)] | None = Field(
        default=None, description="recovered at this health; unset: 2 % above health_below"
    )
    hold_blocks: Positive = Field(default=1, description="consecutive blocks before it alerts")

    def faults(self) -> Iterator[Fault]:
        yield from _name_faults(self.name)
        if self.recover_above is not None and self.recover_above <= self.health_below:
            yield "recover_above", f"expected more than health_below = {self.health_below}"


class Webhook(Table):
    name: Name = Field(description="label in metrics and logs; its number when left out")
    url: ReceiverUrl = Field(
        default=SecretStr(PAGERDUTY), description="URL of the receiver; unset: PagerDuty's own"
    )
    format: Literal["json", "alertmanager", "pagerduty", "apprise"] = Field(
        default="json", description="what is sent; json is Standard Webhooks"
    )
    secret: Annotated[
        tuple[SigningSecret, ...],
        OneOrMore,
    ] = Field(default=(), description="signs the body: whsec_<base64>, several while it rotates")
    routing_key: SecretStr | None = Field(default=None, description="pagerduty: the service's key")
    bearer: SecretStr | None = Field(
        default=None, description="alertmanager: token sent as Authorization: Bearer"
    )
    breakers: Names = Field(
        default=("*",), description="breakers and watches it hears of; * is all", min_length=1
    )
    severity: Severity = Field(default=Severity.WARNING, description="the least that it hears of")
    delivery: Literal["instant", "finalized"] = Field(
        default="instant", description="finalized: once the block cannot be taken back"
    )
    resend_seconds: Positive = Field(
        default=60, description="alertmanager: how often what fires is sent again"
    )
    page_url: str | None = Field(
        default=None, description="where people reach this daemon's page, for links in messages"
    )
    allow_private: bool = Field(default=False, description="permits loopback and private addresses")
    ca_file: Path | None = Field(
        default=None, description="certificates to verify the receiver by, if not the system's"
    )

    def faults(self) -> Iterator[Fault]:
        url = urlsplit(self.url.get_secret_value())
        if self.format != "apprise" and url.scheme not in ("http", "https"):
            yield "url", "expected http:// or https://"
        if self.format != "pagerduty" and "url" not in self.model_fields_set:
            yield "url", "missing: expected the receiver's URL"
        if self.page_url is not None and urlsplit(self.page_url).scheme not in ("http", "https"):
            yield "page_url", "expected http:// or https://, for people to follow"
        yield from self._key_faults()
        if not self.allow_private and is_private(url.hostname):
            yield "url", "a private address: expected a public one, or allow_private = true"

    def _key_faults(self) -> Iterator[Fault]:
        if self.format == "json" and not self.secret:
            yield "secret", "missing: expected secret_file, whose lines are whsec_<base64>"
        if self.format == "pagerduty" and self.routing_key is None:
            yield "routing_key", "missing: expected routing_key_file"
        own = {"json": {"secret"}, "pagerduty": {"routing_key"}}
        own["alertmanager"] = {"bearer", "resend_seconds"}
        special = {"secret", "routing_key", "bearer", "resend_seconds"}
        for key in sorted(self.model_fields_set & special - own.get(self.format, set())):
            yield key, f"not a key of a webhook of format {self.format}"


class Guardian(Table):
    """Calldata that alerts of a market carry, simulated as if this account sent it."""

    market: Name = Field(description="name of the market it protects")
    guardian: HexAddress = Field(description="who may send it: the call is simulated from here")
    action: Literal["freeze", "pause", "cap_to_zero"] = Field(
        description="freeze or pause reserves of Aave; cap_to_zero of a MetaMorpho vault"
    )
    assets: Names = Field(
        default=("*",), description="freeze, pause: reserves; * is all collateral", min_length=1
    )
    vault: HexAddress | None = Field(default=None, description="cap_to_zero: the vault")
    market_ids: MarketIds = Field(default="all", description="cap_to_zero: which of its markets")
    breakers: Names = Field(
        default=("*",), description="breakers whose alerts carry the call; * is all", min_length=1
    )

    def faults(self) -> Iterator[Fault]:
        if self.action == "cap_to_zero" and self.vault is None:
            yield "vault", "missing: cap_to_zero needs the vault whose caps are meant"
        others = {"assets"} if self.action == "cap_to_zero" else {"vault", "market_ids"}
        for key in sorted(self.model_fields_set & others):
            yield key, f"not a key of action {self.action}"


class Outbox(Table):
    max_pending: Positive = Field(
        default=10_000, description="deliveries that may wait for one receiver; the oldest go"
    )


class Audit(Table):
    """Positions that are held against the contracts while the daemon runs."""

    accounts: Count = Field(
        default=4, description="positions compared with the contracts a round; 0: none"
    )
    every_blocks: Positive = Field(default=5, description="blocks from one round to the next")


class Blindness(Table):
    """From when on the monitor says that it cannot see."""

    hold_seconds: Annotated[Real, Field(ge=0)] = Field(
        default=10, description="how long a condition, or its end, lasts before it is told"
    )
    head_age_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=180, description="how old the newest block may be"
    )
    lag_blocks: Positive = Field(default=10, description="how many blocks may wait to be judged")
    store_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=0.5, description="how long a round trip to Redis may take"
    )
    outbox_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=300, description="how long a delivery may be overdue"
    )
    clock_skew_seconds: Annotated[Real, Field(gt=0)] = Field(
        default=60, description="how far blocks may be in the future, or the clock may jump"
    )


class Deadman(Table):
    """A ping that stops when the monitor cannot be trusted."""

    url: WebhookUrl = Field(description="URL asked with GET while all is well")
    every_seconds: Positive = Field(default=60, description="how often it is asked")
    allow_private: bool = Field(default=False, description="permits loopback and private addresses")
    ca_file: Path | None = Field(
        default=None, description="certificates to verify it by, if not the system's"
    )

    def faults(self) -> Iterator[Fault]:
        if not self.allow_private and is_private(urlsplit(self.url.get_secret_value()).hostname):
            yield "url", "a private address: expected a public one, or allow_private = true"
