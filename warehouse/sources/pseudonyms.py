"""Keyed pseudonyms: HMAC-SHA-256 of the identifier's exact text.

A plain hash of an identifier is undone by hashing every possible identifier; a keyed one is not,
as long as the key stays outside the warehouse. The key is 256 bits or longer.
"""

from __future__ import annotations

import hashlib
import hmac

SMALLEST_KEY = 32  # bytes
_BLOCK = 64  # bytes in a block of SHA-256


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer padded keys of HMAC (RFC 2104), 64 bytes each."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def pseudonym_sql(message: str, *, inner: str = "$inner", outer: str = "$outer") -> str:
    """SQL for the pseudonym, a BLOB of 32 bytes, of the SQL text ``message``.

    ``inner`` and ``outer`` name the bound parameters that hold ``pads(key)``.
    """
    return f"unhex(sha256({outer} || unhex(sha256({inner} || encode({message})))))"


def pseudonym(key: bytes, identifier: str) -> bytes:
    """The same pseudonym in plain Python: 32 bytes."""
    return hmac.new(key, identifier.encode(), hashlib.sha256).digest()


def fingerprint(key: bytes) -> str:
    """A name for the key that reveals nothing of it, to notice that another one is used. 16 hex digits."""
    return pseudonym(key, "parcours: fingerprint of the pseudonym key").hex()[:16]
