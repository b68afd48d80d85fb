from builders import an_address

from monitor.chain.bloom import bits_of, excludes

LOGGED, SILENT = an_address("logged"), an_address("silent")


def test_excludes__the_one_that_logged__is_false() -> None:
    assert not excludes(bits_of(LOGGED), [SILENT, LOGGED])


def test_excludes__others__is_true() -> None:
    assert excludes(bits_of(LOGGED), [SILENT])


def test_excludes__an_empty_bloom__is_true() -> None:
    assert excludes(0, [LOGGED, SILENT])


def test_excludes__nobody__is_true() -> None:
    assert excludes(bits_of(LOGGED), [])
