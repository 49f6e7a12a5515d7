"""Secrets in rows: encrypted, so that a dump of the database does not give them away. The key is
made of the site's: with another one they cannot be read, for good."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE = 12  # bytes


def seal(purpose: str, owner: bytes, secret: str) -> bytes:
    """Return a secret as a row keeps it: to be read for this purpose and this owner alone."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_key(purpose)).encrypt(nonce, secret.encode(), owner)


def unseal(purpose: str, owner: bytes, sealed: bytes) -> str | None:
    """Return the secret; None where it is of another purpose or owner, or was sealed under another
    site key."""
    if len(sealed) <= _NONCE:
        return None
    try:
        return AESGCM(_key(purpose)).decrypt(sealed[:_NONCE], sealed[_NONCE:], owner).decode()
    except InvalidTag:
        return None


def _key(purpose: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"dadc: {purpose}".encode())
    return derived.derive(settings.SECRET_KEY.encode())
