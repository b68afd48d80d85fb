"""The configuration as a whole: read, checked across its tables, every fault at once."""

import difflib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from monitor import alert_schema, schema
from monitor.engine.measures import Measure
from monitor.environment import Tree, overlay, read_secret_files, read_toml, readable, tables_of
from monitor.errors import ConfigError
from monitor.schema import SECRETS, Table

_OF_CURVE = tuple(measure.value for measure in Measure if measure.is_of_curve)


class Settings(Table):
    """One daemon's configuration, whole and consistent."""

    chain: schema.Chain = Field(description="the chain and its nodes")
    store: schema.Store = Field(description="where the state lives")
    markets: tuple[schema.Market, ...] = Field(min_length=1, description="what is followed")
    receipts: tuple[schema.Receipt, ...] = Field(default=(), description="tokens that are claims")
    liquidity: tuple[schema.Liquidity, ...] = Field(
        default=(), description="pools collateral is sold to"
    )
    feeds: tuple[schema.Feed, ...] = Field(
        default=(), description="when price feeds are due, which no contract tells"
    )
    assets: Mapping[str, schema.Asset] = Field(default_factory=dict, description="your names")
    scenarios: Mapping[str, schema.Scenario] = Field(
        default_factory=dict, description="what is projected every block"
    )
    projection: schema.Projection = Field(
        default_factory=schema.Projection, description="default options"
    )
    breakers: tuple[alert_schema.Breaker, ...] = Field(default=(), description="what fires")
    loops: schema.Loops = Field(
        default_factory=schema.Loops, description="how recursive leverage is recognised"
    )
    account_code: tuple[schema.AccountCode, ...] = Field(
        default=(), description="code of accounts that you vouch for"
    )
    snapshots: schema.Snapshots = Field(description="what is kept of a block with alerts")
    watch: tuple[alert_schema.Watch, ...] = Field(default=(), description="your own positions")
    webhooks: tuple[alert_schema.Webhook, ...] = Field(default=(), description="who is told")
    guardians: tuple[alert_schema.Guardian, ...] = Field(
        default=(), description="what alerts propose to do"
    )
    outbox: alert_schema.Outbox = Field(
        default_factory=alert_schema.Outbox, description="what waits to be delivered"
    )
    blindness: alert_schema.Blindness = Field(
        default_factory=alert_schema.Blindness, description="when the monitor cannot see"
    )
    audit: alert_schema.Audit = Field(
        default_factory=alert_schema.Audit, description="the ledger against the contracts"
    )
    deadman: alert_schema.Deadman | None = Field(
        default=None, description="a ping that stops with the monitor"
    )
    http: schema.Http = Field(
        default_factory=schema.Http, description="API, page, probes and metrics"
    )

    def options_of(self, scenario: str) -> schema.Projection:
        """The options a scenario is projected with."""
        own = self.scenarios[scenario].options.model_dump(exclude_none=True)
        return self.projection.model_copy(update=own)

    def secrets(self) -> Iterator[str]:
        """Every secret text, for the log's redaction."""
        yield from (endpoint.get_secret_value() for endpoint in self.chain.endpoints)
        if self.store.url != schema.EMBEDDED:
            yield self.store.url.get_secret_value()
        for webhook in self.webhooks:
            yield webhook.url.get_secret_value()
            yield from (secret.get_secret_value() for secret in webhook.secret)
            for secret in (webhook.routing_key, webhook.bearer):
                yield from () if secret is None else (secret.get_secret_value(),)
        if self.deadman is not None:
            yield self.deadman.url.get_secret_value()
        if self.http.token is not None:
            yield self.http.token.get_secret_value()


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The file, with the environment over it. Raises ConfigError with every fault found."""
    tree = read_toml(path)
    faults = overlay(tree, environ, frozenset(Settings.model_fields))
    unread = list(read_secret_files(tree, SECRETS, path.parent, environ))
    faults += unread
    _fill_in(tree, path.parent, environ)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        faults += (_schema_fault(detail) for detail in error.errors() if not _is_echo(detail))
    faults += _table_faults(tree)
    faults += _repetition_faults(tree)
    faults += _reference_faults(tree)
    faults += _scenario_faults(tree)
    if settings is None or faults:
        echoes = tuple(f"{fault.partition('_file = ')[0]}: missing: " for fault in unread)
        raise ConfigError(*readable(fault for fault in faults if not fault.startswith(echoes)))
    return settings


def _fill_in(tree: Tree, folder: Path, environ: Mapping[str, str]) -> None:
    """Defaults that depend on where the daemon runs or where in the file a table stands."""
    tree.setdefault("store", {})
    home = environ.get("XDG_STATE_HOME") or "~/.local/state"
    default = environ.get("STATE_DIRECTORY") or f"{home}/cascade-monitor"
    for _, store in tables_of(tree, "store"):
        wanted = store.setdefault("state_dir", default)
        if isinstance(wanted, str):
            store["state_dir"] = folder / Path(wanted).expanduser()
        tree.setdefault("snapshots", {})
        for _, snapshots in tables_of(tree, "snapshots"):
            wanted = snapshots.setdefault("dir", f"{store['state_dir']}/snapshots")
            if isinstance(wanted, str):
                snapshots["dir"] = folder / Path(wanted).expanduser()
    for number, (_, webhook) in enumerate(tables_of(tree, "webhooks")):
        webhook.setdefault("name", str(number))
    for number, (_, watch) in enumerate(tables_of(tree, "watch")):
        watch.setdefault("name", f"watch-{number}")


def _table_faults(tree: Tree) -> Iterator[str]:
    """What the tables say of themselves; of those that are not even well formed, nothing."""
    for section, field in Settings.model_fields.items():
        (model,) = models_in(field.annotation)
        is_map = get_origin(field.annotation) is Mapping
        named = tree.get(section, {})
        found = (
            [(f"{section}.{name}", item) for name, item in named.items() if isinstance(item, dict)]
            if is_map and isinstance(named, dict)
            else tables_of(tree, section)
        )
        for path, item in found:
            table, faulty = _well_formed(model, item)
            for key, text in table.faults() if table else ():
                if key not in faulty:
                    secret = (section, key) in SECRETS
                    shown = "" if secret else _shown(getattr(table, key, None))
                    yield f"{path}.{key}{shown}: {text}"


def _well_formed(model: type[Table], item: Any) -> tuple[Table | None, frozenset[Any]]:
    """The table without its faulty keys, if it can do without them, and those keys."""
    faulty: frozenset[Any] = frozenset()
    for _ in range(2):
        kept = {key: value for key, value in dict(item).items() if key not in faulty}
        try:
            return model.model_validate(kept), faulty
        except ValidationError as error:
            faulty = frozenset(detail["loc"][0] for detail in error.errors())
    return None, faulty


def _repetition_faults(tree: Tree) -> Iterator[str]:
    for sections in (("markets",), ("breakers", "watch"), ("webhooks",)):
        named = Counter(name for section in sections for name in _names(tree, section))
        for name, times in sorted(named.items()):
            if times > 1:
                where = " and ".join(one for one in sections if name in _names(tree, one))
                yield f"{where}: {times} have the name {name!r}: expected each name once"
    once = {"receipts": "token", "feeds": "address", "liquidity": "pool", "account_code": "hash"}
    for section, key in once.items():
        values = (table.get(key) for _, table in tables_of(tree, section))
        for name, times in Counter(str(name).lower() for name in values if name).items():
            if times > 1:
                yield f"{section}: {times} are of the {key} {name}: expected each {key} once"
    yield from _shared_market_faults(tree)


def _shared_market_faults(tree: Tree) -> Iterator[str]:
    """What two entries followed would count twice in every sum."""
    followed: dict[str, list[frozenset[str] | None]] = {}
    for _, table in tables_of(tree, "markets"):
        ids = table.get("market_ids")
        parts = frozenset(str(one).lower() for one in ids) if isinstance(ids, list) else None
        if address := table.get("address"):
            followed.setdefault(str(address).lower(), []).append(parts)
    for name, entries in followed.items():
        chosen = [parts for parts in entries if parts is not None]
        is_apart = len(chosen) == len(entries) and not any(
            one & other for one, other in combinations(chosen, 2)
        )
        if len(entries) > 1 and not is_apart:
            yield (
                f"markets: {len(entries)} are of the address {name}: expected each contract once, "
                "or market_ids that no two entries share"
            )


def _reference_faults(tree: Tree) -> Iterator[str]:
    """Names of what is not there, and of what does not fit."""
    breakers = _names(tree, "breakers")
    for section, fires in (
        ("webhooks", breakers + _names(tree, "watch")),
        ("guardians", breakers),  # what a watch says is about its owner's accounts
    ):
        for path, table in tables_of(tree, section):
            yield from _strangers(f"{path}.breakers", table.get("breakers"), fires)
    for path, watch in tables_of(tree, "watch"):
        yield from _strangers(f"{path}.markets", watch.get("markets"), _names(tree, "markets"))
    for path, guardian in tables_of(tree, "guardians"):
        yield from _strangers(f"{path}.market", [guardian.get("market")], _names(tree, "markets"))
    yield from _breaker_faults(tree)


def _breaker_faults(tree: Tree) -> Iterator[str]:
    scenarios = tree.get("scenarios", {})
    known = list(scenarios) if isinstance(scenarios, dict) else []
    for path, breaker in _limits_of(tree):
        yield from _strangers(f"{path}.markets", breaker.get("markets"), _names(tree, "markets"))
        name, measure = breaker.get("scenario"), breaker.get("measure")
        yield from _strangers(f"{path}.scenario", [name], known)
        wanted, other = "shocks", "curve"
        if measure in _OF_CURVE:
            wanted, other = other, wanted
        scenario = scenarios.get(name) if name in known else None
        if isinstance(scenario, dict) and wanted not in scenario and other in scenario:
            yield f"{path}.scenario = {name!r}: expected one with {wanted} to measure {measure}"


def _limits_of(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Each breaker, and its further measures."""
    for path, breaker in tables_of(tree, "breakers"):
        yield path, breaker
        yield from ((f"{path}.{at}", limits) for at, limits in tables_of(breaker, "also"))


def _scenario_faults(tree: Tree) -> Iterator[str]:
    scenarios = tree.get("scenarios", {})
    for name, scenario in scenarios.items() if isinstance(scenarios, dict) else ():
        if isinstance(scenario, dict) and ("shocks" in scenario) == ("curve" in scenario):
            found = "shocks and" if "curve" in scenario else "neither shocks nor"
            yield f"scenarios.{name}: {found} a curve: expected one of them"


def _strangers(path: str, wanted: Any, known: list[str]) -> Iterator[str]:
    for name in wanted if isinstance(wanted, list) else []:
        if isinstance(name, str) and name not in ("*", *known):
            yield f"{path} = {name!r}: there is none of that name: expected {_one_of(known)}"


def _names(tree: Tree, section: str) -> list[str]:
    return [str(table["name"]) for _, table in tables_of(tree, section) if "name" in table]


def _one_of(known: list[str]) -> str:
    return f"one of {', '.join(sorted(known))}" if known else "none, as none is configured"


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list is called too short only because all its items are faulty."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _schema_fault(detail: ErrorDetails) -> str:
    """A fault in the house's words: key, value, what was expected."""
    location = detail["loc"]
    path, key = _joined(location), str(location[-1])
    model = _model_at(location[:-1])
    match detail["type"]:
        case "extra_forbidden":
            known = [*model.model_fields, *_file_keys(location[0])]
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            return f"{path}: unknown key: {hint}expected {_one_of(known)}"
        case "missing":
            field = model.model_fields.get(key)
            return f"{path}: missing: expected {field.description if field else 'a value'}"
        case "value_error":
            expected = str(detail["ctx"]["error"])
        case "string_pattern_mismatch":
            expected = "expected up to 63 letters, digits, dots, dashes and underscores"
        case "too_short":
            expected = "expected at least one"
        case _:
            expected = detail["msg"].replace("Input should be", "expected", 1)
    words = tuple(part for part in location if isinstance(part, str))
    return f"{path}{'' if words[:2] in SECRETS else _shown(detail['input'])}: {expected}"


def _file_keys(section: int | str) -> list[str]:
    return [f"{key}_file" for owner, key in SECRETS if owner == section]


def _shown(value: Any) -> str:
    """` = value`, unless it may hold a secret in the wrong place, or says nothing."""
    text = repr(str(value)) if isinstance(value, str) else str(value)
    is_plain = isinstance(value, str | int | float | Decimal)
    return f" = {text}" if is_plain and "://" not in text and "whsec_" not in text else ""


def _joined(location: tuple[int | str, ...]) -> str:
    """("markets", 1, "name") → markets[1].name"""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def models_in(annotation: Any) -> list[type[Table]]:
    """The tables within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in location:
        field = model.model_fields.get(str(part))
        inner = models_in(field.annotation) if field else []
        model = inner[0] if inner else model
    return model
