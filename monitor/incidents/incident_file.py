"""An incident as a file: what happened by which source, and what would have been asked of it.

TOML with tables of its own, `[incident]`, `[[incident.facts]]` and `[book]`, beside those of a
configuration that it replaces: `[assets]`, `[scenarios]`, `[[breakers]]`. Unknown keys are errors.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from monitor.alert_schema import Breaker
from monitor.environment import read_toml
from monitor.errors import ConfigError
from monitor.incidents.books import BOOKS
from monitor.incidents.kept import settings_of
from monitor.schema import Asset, Scenario, Table
from monitor.settings import Settings


class Fact(Table):
    """What happened, and who says so."""

    what: str = Field(min_length=10, description="one thing that happened, with its figures")
    source: str = Field(min_length=5, description="URL, publication or data set it is told by")


class Happening(Table):
    """The incident itself."""

    title: str = Field(min_length=3, description="its name")
    chain_id: int = Field(gt=0, description="the chain that a replay follows")
    begins: datetime = Field(description="the first moment that is asked about, UTC")
    ends: datetime = Field(description="the last one")
    summary: str = Field(min_length=20, description="what happened, in two sentences")
    node: str = Field(min_length=10, description="what a replay from a node needs, or why none can")
    is_replayable: bool = Field(description="whether this version can follow what it happened in")
    facts: tuple[Fact, ...] = Field(min_length=1, description="with their sources")


class Positions(Table):
    """Positions that are at hand."""

    set: str = Field(description="the folder of the set under --data")
    of_the_day: bool = Field(description="whether they are of the incident's own days")


class Incident(Table):
    """The whole file."""

    incident: Happening = Field(description="what happened")
    book: Positions | None = Field(default=None, description="positions at hand")
    assets: Mapping[str, Asset] = Field(default_factory=dict, description="names for addresses")
    scenarios: Mapping[str, Scenario] = Field(min_length=1, description="what is projected")
    breakers: tuple[Breaker, ...] = Field(min_length=1, description="what would have fired")

    @property
    def span(self) -> tuple[int, int]:
        """From and to, in Unix seconds."""
        return _unix(self.incident.begins), _unix(self.incident.ends)


def load_incident(path: Path) -> Incident:
    """Raises ConfigError with every fault found."""
    tree = read_toml(path)
    try:
        found = Incident.model_validate(tree)
    except ValidationError as error:
        faults = (
            f"{path}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise ConfigError(*list(faults)[:50]) from error
    wrong = [f"{path}: {fault}" for fault in _faults(found)]
    if wrong:
        raise ConfigError(*wrong)
    return found


def _faults(found: Incident) -> Iterator[str]:
    begins, ends = found.span
    if ends <= begins:
        yield "incident.ends: expected a moment after incident.begins"
    if found.book is not None and found.book.set not in BOOKS:
        yield f"book.set = {found.book.set!r}: expected one of {', '.join(BOOKS)}"
    tables: list[tuple[str, Table]] = [(f"scenarios.{n}", s) for n, s in found.scenarios.items()]
    tables += [(f"breakers.{each.name}", each) for each in found.breakers]
    for path, table in tables:
        yield from (f"{path}.{key}: {fault}" for key, fault in table.faults())
    for name, scenario in found.scenarios.items():
        if (scenario.shocks is None) == (scenario.curve is None):
            yield f"scenarios.{name}: expected shocks or a curve, one of them"
    for breaker in found.breakers:
        for limits in (breaker, *breaker.also):
            if limits.scenario not in found.scenarios:
                known = ", ".join(found.scenarios)
                yield f"breakers.{breaker.name}: no scenario {limits.scenario!r}: it has {known}"


def asked_in(settings: Settings, incident: Incident) -> Settings:
    """A configuration that asks what the incident's file asks, of the markets it follows."""
    wanted: dict[str, Any] = {
        "assets": {**settings.assets, **incident.assets},
        "scenarios": dict(incident.scenarios),
        "breakers": incident.breakers,
        "watch": (),
        "webhooks": (),
        "guardians": (),
    }
    return settings.model_copy(update=wanted)


def alone(incident: Incident, folder: Path) -> Settings:
    """The same around nothing, for positions that need no chain."""
    nothing = {
        "chain": {"chain_id": incident.incident.chain_id, "reorg_window": 1},
        "store": {"namespace": "default"},
        "markets": [{"name": "none", "protocol": "morpho_blue", "address": f"0x{1:040x}"}],
    }
    return asked_in(settings_of(nothing, folder), incident)


def _unix(moment: datetime) -> int:
    told = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(told.timestamp())
