"""The provider of OpenID Connect, by way of Authlib: the extra `oidc`."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, request, session
from joserfc.errors import JoseError

from jobs.errors import SafegridError
from jobs.settings import LOOPBACK
from web.settings import Settings

TIMEOUT_S = 10
# Of the clocks of two hosts.
LEEWAY_S = 30
# By key pairs. `none` signs nothing, and whoever knows the client's secret can sign by HS256.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NAME = "oidc"


class Refused(SafegridError):
    """Whatever came back from the provider is no sign-in."""


class ProviderAway(SafegridError):
    """The provider does not respond as one does."""


class Provider:
    """What one app asks its provider. It is first asked when somebody signs in."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.settings = settings
        self.host = urlsplit(settings.oidc_issuer).netloc
        self._client = OAuth(app).register(
            _NAME,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret,
            server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.oidc_scopes,
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_S,
            },
        )

    def begin(self, back: str) -> Response:
        """Where the browser goes to sign in; it comes back to the address `back`. Raises ProviderAway."""
        self._metadata()
        # One at a time: cookies are small.
        for key in [key for key in session if key.startswith(f"_state_{_NAME}")]:
            del session[key]
        return cast(Response, self._client.authorize_redirect(back))

    def claims(self) -> dict[str, Any]:
        """What the provider says of whoever has come back, by its signature. Raises Refused, ProviderAway."""
        metadata = self._metadata()
        self._check_sender(metadata)
        wanted = {
            "iss": {"essential": True, "value": self.settings.oidc_issuer},
            "aud": {"essential": True, "value": self.settings.oidc_client_id},
        }
        try:
            token = self._client.authorize_access_token(claims_options=wanted, leeway=LEEWAY_S)
        except requests.RequestException as error:
            raise ProviderAway(f"{self.host} does not respond: {type(error).__name__}") from None
        except (OAuthError, JoseError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"{type(error).__name__}: {error}") from None
        claims = dict(token.get("userinfo") or {})
        if not claims.get("sub") or not isinstance(claims["sub"], str):
            raise Refused("no ID token, or one of nobody")
        return claims

    def sign_out_address(self, back: str) -> str | None:
        """Where one signs out at the provider; none if it has no such page. Raises ProviderAway."""
        if not _is_secure(str(self._metadata().get("end_session_endpoint", "")), self.settings):
            return None
        made = self._client.create_logout_url(post_logout_redirect_uri=back, client_id=self.settings.oidc_client_id)
        return str(made["url"])

    def _metadata(self) -> dict[str, Any]:
        try:
            metadata = cast(dict[str, Any], self._client.load_server_metadata())
        except (requests.RequestException, ValueError, TypeError) as error:
            raise ProviderAway(f"{self.host} does not respond: {type(error).__name__}") from None
        if metadata.get("issuer") != self.settings.oidc_issuer:
            raise ProviderAway(
                f"{self.host} calls itself {metadata.get('issuer')}, and not {self.settings.oidc_issuer}"
            )
        if insecure := [name for name in _ENDPOINTS if not _is_secure(str(metadata.get(name, "")), self.settings)]:
            raise ProviderAway(f"{self.host} has no https address for {', '.join(insecure)}")
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [one for one in _ALGORITHMS if one in offered]
        return metadata

    def _check_sender(self, metadata: Mapping[str, Any]) -> None:
        """Who sent the browser back, where the provider says so (RFC 9207). Raises Refused."""
        said = request.args.get("iss")
        is_missing = said is None and metadata.get("authorization_response_iss_parameter_supported") is True
        if is_missing or said not in (None, self.settings.oidc_issuer):
            raise Refused(f"sent back by {said}")


def _is_secure(url: str, settings: Settings) -> bool:
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK and not settings.production
    return bool(parts.hostname) and (parts.scheme == "https" or is_here)
