"""A passkey without a browser: answers the options of a page as an authenticator does, and wrongly
where a test wants it."""

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG
ORIGIN = "http://testserver"


class Passkey:
    """One key at one site; `count` is how often it says that it has signed."""

    def __init__(self, origin: str = ORIGIN, rp_id: str = "testserver") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.origin, self.rp_id, self.count = origin, rp_id, 0

    def make(self, options: dict[str, Any]) -> str:
        """What navigator.credentials.create comes to, as JSON."""
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        known = AttestationObject.create("none", self._says(FLAG.UP | FLAG.AT, credential), {})
        client = CollectedClientData.create("webauthn.create", options["challenge"], self.origin)
        return self._answer(clientDataJSON=client, attestationObject=known)

    def sign(self, options: dict[str, Any]) -> str:
        """What navigator.credentials.get comes to, as JSON."""
        says = self._says(FLAG.UP)
        client = CollectedClientData.create("webauthn.get", options["challenge"], self.origin)
        signature = self.key.sign(says + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=says, signature=signature)

    def _says(self, flags: FLAG, credential: bytes = b"") -> AuthenticatorData:
        site = hashlib.sha256(self.rp_id.encode()).digest()
        says: AuthenticatorData = AuthenticatorData.create(site, flags, self.count, credential)
        return says

    def _answer(self, **response: bytes) -> str:
        encoded = {name: websafe_encode(value) for name, value in response.items()}
        own = websafe_encode(self.id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": encoded})
