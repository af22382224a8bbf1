"""A small provider of OpenID Connect: discovery, authorization code with PKCE, tokens, keys, and faults of each."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.standins.server import Answer, Request, Standin

CLIENT_ID, CLIENT_SECRET = "safegrid", "the secret of the client"
ANN = {"sub": "248289761001", "preferred_username": "ann", "groups": ["night shift"]}
Claims = dict[str, Any]


@dataclass
class Provider(Standin):
    """Signs in whoever `person` is, without asking; what `tamper` makes of the claims is what it signs."""

    person: Claims = field(default_factory=lambda: dict(ANN))
    tamper: Callable[[Claims], Claims] = dict
    algorithm: str = "RS256"
    """Or HS256, with the public key as the secret, or none."""
    metadata: Claims = field(default_factory=dict)
    """What discovery says besides, or otherwise."""
    is_broken: bool = False
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self._respond, 0)
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def issuer(self) -> str:
        return self._server.origin

    def change_key(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    def _respond(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.is_broken:
            return Answer(502, b"<html>bad gateway</html>", "text/html")
        pages = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/leave": lambda _request: Answer(body=b"You are signed out.", content_type="text/plain"),
            "/keys": lambda _request: _json(KeySet([self.key]).as_dict(private=False)),
        }
        page = pages.get(request.path)
        return page(request) if page else Answer(404)

    def _discovery(self, _request: Request) -> Answer:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        paths |= {"end_session_endpoint": "leave"}
        addresses = {name: f"{self.issuer}/{path}" for name, path in paths.items()}
        signing = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
        return _json({"issuer": self.issuer, **addresses, **signing, **self.metadata})

    def _authorize(self, request: Request) -> Answer:
        given = request.parameters
        assert (given["response_type"], given["code_challenge_method"], given["client_id"]) == (
            "code",
            "S256",
            CLIENT_ID,
        )
        code = secrets.token_urlsafe()
        self._codes[code] = given
        back = urlencode({"code": code, "state": given["state"]})
        return Answer(302, headers={"Location": f"{given['redirect_uri']}?{back}"})

    def _token(self, request: Request) -> Answer:
        given = self._codes.pop(request.parameters.get("code", ""), None)
        challenge = hashlib.sha256(request.parameters.get("code_verifier", "").encode()).digest()
        client = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_right = given is not None and (
            (given["code_challenge"], given["redirect_uri"], f"Basic {client}")
            == (_encoded(challenge), request.parameters["redirect_uri"], request.headers.get("authorization"))
        )
        if given is None or not is_right:
            return _json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": given["nonce"]}
        signed = self._signed(self.tamper({**claims, **self.person}))
        return _json({"access_token": "x", "token_type": "Bearer", "id_token": signed})

    def _signed(self, claims: Claims) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "RS256":
            return jwt.encode(header, claims, self.key)
        # Libraries refuse to make these, so by hand.
        text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        public = self.key.as_pem(private=False)
        signature = hmac.digest(public, text.encode(), "sha256") if self.algorithm == "HS256" else b""
        return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(body: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode())
