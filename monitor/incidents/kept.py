"""The part of a configuration that decides what is asked and said: what a recording keeps of it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.errors import ConfigError
from monitor.settings import Settings

KEPT = (
    "markets",
    "receipts",
    "liquidity",
    "feeds",
    "assets",
    "scenarios",
    "projection",
    "breakers",
    "loops",
    "account_code",
    "watch",
)
NOWHERE = "http://127.0.0.1:9"
"""An endpoint, since a configuration must have one. Nobody asks it."""


def kept_of(settings: Settings) -> dict[str, Any]:
    """The tables as plain values, without what was left out, endpoints, receivers and secrets."""
    told = settings.model_dump(mode="json", include=set(KEPT), exclude_unset=True)
    chain, store = settings.chain, settings.store
    told["chain"] = {"chain_id": chain.chain_id, "reorg_window": chain.reorg_window}
    told["store"] = {"namespace": store.namespace}
    return told


def settings_of(told: Mapping[str, Any], folder: Path) -> Settings:
    """A configuration around them that reaches nothing. Raises ConfigError."""
    tree = {name: told[name] for name in KEPT if name in told}
    tree["chain"] = {**told["chain"], "endpoints": [NOWHERE]}
    tree["store"] = {**told["store"], "state_dir": folder}
    tree["snapshots"] = {"dir": folder, "keep": 0}
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:20]]
        raise ConfigError(
            *(f"the configuration in the recording: {fault}" for fault in faults)
        ) from error


def digest_of(told: Mapping[str, Any]) -> str:
    """Names a configuration in a report: hex SHA-256 of what is kept of it."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
