"""How single values of the configuration are written. A wrong one raises ValueError."""

import base64
import binascii
import ipaddress
import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from monitor.alerts.addresses import is_public
from monitor.core.units import address

STORE_SCHEMES = ("redis", "rediss")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private(host: str | None) -> bool:
    """By its text alone; what a name resolves to is checked when it is dialled."""
    try:
        return not is_public(ipaddress.ip_address(host or ""))
    except ValueError:
        return host == "localhost" or (host or "").endswith(".localhost")


def _not_bool(value: Any) -> Any:
    # To Python a boolean is a number; to a reader of `chain_id = true` it is a mistake.
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("expected a finite number")
    return value


def _shock(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('expected a number, or a text such as "1.0@30d"')
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    return value


def _start_block(value: Any) -> Any:
    if value == "snapshot":
        return value
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError('expected "snapshot" or a block number')
    return int(value)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _checked_url(secret: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    try:
        parts = urlsplit(secret.get_secret_value())
        # A name that cannot be encoded would only fail when it is looked up.
        named = bool((parts.hostname or "").encode("idna"))
        usable = parts.scheme in schemes and named and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"expected a URL with {', '.join(f'{scheme}://' for scheme in schemes)}")
    return secret


def _endpoint(secret: SecretStr) -> SecretStr:
    return _checked_url(secret, ("http", "https", "ws", "wss"))


def _webhook_url(secret: SecretStr) -> SecretStr:
    return _checked_url(secret, ("https", "http"))


def _receiver_url(secret: SecretStr) -> SecretStr:
    """Any scheme: apprise has one for each service."""
    scheme, separator, rest = secret.get_secret_value().partition("://")
    try:
        urlsplit(secret.get_secret_value())
        named = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme)
        usable = bool(named and separator and rest)
    except ValueError:  # brackets around what is no address
        usable = False
    if not usable:
        raise ValueError("expected a URL")
    return _webhook_url(secret) if scheme in ("http", "https") else secret


def _store_url(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text == "embedded" or (text.startswith("unix://") and text != "unix://"):
        return secret
    try:
        return _checked_url(secret, STORE_SCHEMES)
    except ValueError as error:
        raise ValueError(f'{error}, unix:// or "embedded"') from error


def _signing_secret(secret: SecretStr) -> SecretStr:
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if prefix != "whsec" or not key:
        raise ValueError("expected whsec_<base64> (several, one a line, while it rotates)")
    return secret


Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=0)]
Positive = Annotated[int, BeforeValidator(_not_bool), Field(gt=0)]
Real = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]
Threshold = Annotated[Decimal, BeforeValidator(_not_bool), AfterValidator(_finite)]
Move = Annotated[Threshold, Field(gt=-1)]
Shock = Annotated[float | int | str, BeforeValidator(_shock)]


def _market_ids(value: Any) -> Any:
    if value == "all":
        return value
    if not isinstance(value, list) or not value:
        raise ValueError('expected "all", or a list of market ids')
    for text in value:
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", str(text)):
            raise ValueError(f"{text!r} is not a market id: expected 0x and 64 hex digits")
    return tuple(text.lower() for text in value)


def _code_hash(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise ValueError("expected keccak of the deployed code: 0x and 64 hex digits")
    return text.lower()


def _view_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\((uint256)?\))?", text):
        raise ValueError("expected the name of a view, as in getRate() or worth(uint256)")
    return text


StartBlock = Annotated[int | Literal["snapshot"], BeforeValidator(_start_block)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Names = tuple[str, ...]
HexAddress = Annotated[str, AfterValidator(address)]
CodeHash = Annotated[str, AfterValidator(_code_hash)]
ViewName = Annotated[str, AfterValidator(_view_name)]
MarketIds = Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_market_ids)]
OneOrMore = BeforeValidator(_listed)
EndpointUrl = Annotated[SecretStr, AfterValidator(_endpoint)]
ReceiverUrl = Annotated[SecretStr, AfterValidator(_receiver_url)]
WebhookUrl = Annotated[SecretStr, AfterValidator(_webhook_url)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]
