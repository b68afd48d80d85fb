import inspect

import pytest

from monitor.core import event_decoder

REPAID = (("who", "address", True), ("amount", "uint256", False), ("inFull", "bool", False))


def test_decoder_source__of_the_example__is_what_the_module_shows() -> None:
    shown = inspect.cleandoc(event_decoder.__doc__ or "")
    indented = event_decoder.decoder_source(REPAID).replace("\n", "\n    ").rstrip()
    assert f"    {indented}\n" in shown


@pytest.mark.parametrize(
    ("kind", "is_indexed"),
    [("string", True), ("bytes", True), ("uint7", False), ("uint256[]", False), ("tuple", False)],
)
def test_event_decoder__of_a_type_it_does_not_know__raises(kind: str, is_indexed: bool) -> None:
    with pytest.raises(ValueError, match=r"no decoder for .* value"):
        event_decoder.event_decoder([("value", kind, is_indexed)])


def test_event_decoder__names_that_are_no_python__are_only_told() -> None:
    read = event_decoder.event_decoder([("1 + }{", "uint8", False), ("", "uint8", False)])
    assert read(["0x"], f"{1:064x}{2:064x}") == (1, 2)
    with pytest.raises(ValueError, match=r"1 \+ }{ does not fit uint8"):
        read(["0x"], f"{256:064x}{2:064x}")


def test_event_decoder__of_no_parameters__reads_nothing() -> None:
    assert event_decoder.event_decoder([])(["0x"], "") == ()
