"""The errors a user may meet: one base, an exit code each, never a patient's value in a message."""

from __future__ import annotations

from collections.abc import Sequence


class ParcoursError(Exception):
    """What went wrong, in words that say what to do. Shown without a traceback."""

    exit_code = 1


class DeclarationError(ParcoursError):
    """The call or a declaration is wrong. Lists every fault found, not only the first."""

    exit_code = 2

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class ValidationFailed(ParcoursError):
    """A fatal check failed, or no row was accepted: nothing is published."""

    exit_code = 3


class WarehouseBusy(ParcoursError):
    """Another run holds the warehouse; the message names it."""

    exit_code = 5


class DisclosureRefused(ParcoursError):
    """Disclosure control refused to release."""

    exit_code = 6


class StorageError(ParcoursError):
    """The disk is full, a folder is missing or may not be written."""

    exit_code = 7
