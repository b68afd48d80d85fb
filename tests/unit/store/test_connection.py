"""What of the way to Redis needs no Redis."""

import pytest

from monitor.errors import ConfigError
from monitor.store.connection import connect


@pytest.mark.parametrize("url", ["redis+sentinel://a/b", "http://a", "embedded", ""])
def test_connect__other_scheme__is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected redis://, rediss:// or unix://"):
        connect(url)


@pytest.mark.parametrize(
    "rest", [":port", ":6379/0?no_such_option=1", ":6379/0?protocol=7", ":6379/0?db=a"]
)
def test_connect__what_the_library_cannot_use__is_refused(rest: str) -> None:
    with pytest.raises(ConfigError, match="not a Redis URL"):
        connect(f"redis://localhost{rest}")


@pytest.mark.parametrize("path", ["/staging", "/0/1", "/-1", "/secret@localhost"])
def test_connect__database_that_is_no_number__is_refused_and_not_shown(path: str) -> None:
    with pytest.raises(ConfigError, match="a database that is no number") as refusal:
        connect(f"redis://user:123{path}")
    assert path not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["redis://localhost", "rediss://:p@localhost:1/", "redis://[::1]/15?db=3", "unix:///a/b"]
)
def test_connect__usable_url__is_taken(url: str) -> None:
    connect(url)


@pytest.mark.parametrize("ours", [True, False])
def test_connect__url_would_change_what_answers_are__it_cannot(ours: bool) -> None:
    client = connect(f"redis://localhost?decode_responses={not ours}", decode_responses=ours)
    encoder = client.connection_pool.get_encoder()  # type: ignore[no-untyped-call]
    assert encoder.decode_responses is ours
