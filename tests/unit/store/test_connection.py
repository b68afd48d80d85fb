"""What of the way to Redis needs no Redis."""

import pytest

from monitor.errors import ConfigError
from monitor.store.connection import connect


@pytest.mark.parametrize("url", ["redis+sentinel://a/b", "http://a", "embedded", ""])
def test_connect__other_scheme__is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected redis://, rediss:// or unix://"):
        connect(url)


def test_connect__port_that_is_none__is_refused() -> None:
    with pytest.raises(ConfigError, match="not a Redis URL"):
        connect("redis://localhost:port")
