"""Panics: what native code raises when it gives up. They are no `Exception`s, and end no run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PanicError(Exception):
    """A library of native code gave up; its words are kept, as far as they may be told."""


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Turn a panic of any library into an error, which is classified as others are.

    Each library made with PyO3 has a class of its own for them, of the same name, directly below
    `BaseException`: so that nobody takes one for an error of his own. Here one input must not end
    what others are made of (P13).

    Raises:
        PanicError: there was a panic.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise PanicError(str(error)) from None
