"""Whatever a receiver writes into Retry-After is a wait we would make, or none."""

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.alerts.post import LONGEST_WAIT_SECONDS, retry_after

PIECES = st.sampled_from(["Mon", ",", " ", "31", "Feb", "99999", "25:61:61", "GMT", "-0000",
                          "+9999", "(", ")", '"', ";", "1e9", "\x00", "٣"])  # fmt: skip


@given(st.text() | st.lists(PIECES, max_size=10).map("".join), st.floats(0, 4e9))
@example("Mon, 01 Jan 0001 00:00:00 +2359", 0.0)
@example("9" * 5_000, 0.0)
def test_retry_after__any_text__is_a_bounded_wait_or_none(text: str, now_unix: float) -> None:
    seconds = retry_after(text, now_unix)
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT_SECONDS
