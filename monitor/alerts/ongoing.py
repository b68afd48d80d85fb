"""What fires now, worked out from the alerts a receiver took. Pure.

A subject fires if the newest alert about it that still stands is a firing one. Newest is by block:
an operator may have an old alert sent again after newer ones. One that was taken back stands no
more, and uncovers the one below it. Said once more after that, it stands again: its block came back
(each receiver is told in order, and what was taken back is never replayed).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.alerts.notice import Kind, Notice

LONGEST = 64
"""Alerts remembered of one subject: more than a reorganisation takes back."""


class Subject(NamedTuple):
    """What fires or does not: a breaker, a watched position, a way of being blind."""

    fingerprint: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Thread:
    """The alerts about one subject, in the order they were taken; the ids of those taken back."""

    standing: tuple[Notice, ...] = ()
    gone: tuple[str, ...] = ()

    def taken(self, notice: Notice) -> "_Thread":
        if notice.retracts:
            gone = (*self.gone, notice.retracts)[-LONGEST:]
            left = tuple(each for each in self.standing if each.id != notice.retracts)
            return _Thread(left, gone)
        if any(each.id == notice.id for each in self.standing):
            return self
        gone = tuple(each for each in self.gone if each != notice.id)
        return _Thread((*self.standing, notice)[-LONGEST:], gone)

    def and_then(self, later: "_Thread") -> "_Thread":
        standing = {each.id: each for each in self.standing if each.id not in later.gone}
        standing |= {each.id: each for each in later.standing}
        gone = dict.fromkeys((*self.gone, *later.gone))
        left = tuple(each for each in gone if each not in standing)
        return _Thread(tuple(standing.values())[-LONGEST:], left[-LONGEST:])

    def newest(self) -> Notice | None:
        """Of what no block caused, the last that was taken: its blocks can be taken back."""
        return max(
            reversed(self.standing),
            key=lambda each: each.block or 0 if each.is_of_chain else 0,
            default=None,
        )


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A value: `taken` gives the next."""

    threads: Mapping[Subject, _Thread] = field(default_factory=dict)

    def taken(self, notice: Notice) -> "Ongoing":
        """The receiver took one more. To be told again of one it took changes nothing."""
        subject = subject_of(notice)
        thread = self.threads.get(subject, _Thread()).taken(notice)
        return Ongoing({**self.threads, subject: thread})

    def current(self, subject: Subject) -> Notice | None:
        """The firing alert that stands about a subject."""
        newest = self.threads.get(subject, _Thread()).newest()
        return newest if newest is not None and newest.is_firing else None

    def and_then(self, later: "Ongoing") -> "Ongoing":
        """Both, though much may be in both."""
        threads = dict(self.threads)
        for subject, thread in later.threads.items():
            threads[subject] = threads.get(subject, _Thread()).and_then(thread)
        return Ongoing(threads)

    def firing(self) -> Iterator[Notice]:
        """One alert of each subject that fires."""
        for subject in self.threads:
            if (current := self.current(subject)) is not None:
                yield current


def subject_of(notice: Notice) -> Subject:
    return Subject(notice.fingerprint, notice.kind)
