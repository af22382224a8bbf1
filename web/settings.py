"""Settings of the web: those of the workers, and its secrets."""

import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

import worker.settings
from jobs.errors import SettingsError
from jobs.settings import secure_address
from worker import weakness
from worker.settings import local_secret

# The shortest that production accepts.
SHORTEST = {"secret_key": 32, "admin_password": 12, "admin_api_token": 24}
_HOST = re.compile(r"[a-zA-Z0-9.-]+(:[0-9]+)?|\[::1\](:[0-9]+)?")

# https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md#3-header
_PMTILES = b"PMTiles\x03"
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def _tiles(url: str) -> str:
    """Raises ValueError."""
    if not url:
        return url
    parts = urlsplit(secure_address(url))
    # The host goes into a header, in which a space or semicolon would begin something else.
    if not _HOST.fullmatch(parts.netloc) or not all(f"{{{name}}}" in parts.path for name in "zxy"):
        raise ValueError("must be an address such as https://tiles.example.org/{z}/{x}/{y}.png")
    return url


def _archive(file: str) -> str:
    """Raises ValueError."""
    if not file:
        return file
    try:
        with Path(file).open("rb") as opened:
            begin = opened.read(len(_PMTILES))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if begin != _PMTILES:
        raise ValueError("must be a PMTiles archive of version 3")
    return file


def _issuer(url: str) -> str:
    """As it is, with a slash at its end or without: the provider repeats it so. Raises ValueError."""
    if url and (secure_address(url) != url.rstrip("/") or "?" in url or "#" in url):
        raise ValueError("must be the address that the provider has as its issuer")
    return url


def _hosts(names: str) -> str:
    """Raises ValueError."""
    for name in names.split():
        if not _HOST.fullmatch(name.removeprefix(".")):
            raise ValueError(
                f"must be host names such as safegrid.example.org, separated by spaces ({name} is not one)"
            )
    return names


def _origins(names: str) -> str:
    """Raises ValueError."""
    for name in names.split():
        if name != "*" and urlsplit(secure_address(name))[2:] != ("", "", ""):
            raise ValueError(f"must be origins such as https://map.example.org, or * ({name} is not one)")
    return names


def _prefix(path: str) -> str:
    """Raises ValueError."""
    if path and not _PREFIX.fullmatch(path):
        raise ValueError("must be a path such as /safegrid, without a slash at the end")
    return path


class Settings(worker.settings.Settings):
    """What the web may know."""

    port: Annotated[int, Ge(1), Le(65535)] = Field(8000, validation_alias="PORT")
    web_concurrency: Annotated[int, Ge(1), Le(64)] = Field(2, validation_alias="WEB_CONCURRENCY")
    secret_key: str = Field("", validation_alias="SECRET_KEY", repr=False)
    admin_username: Annotated[str, MinLen(1)] = Field("admin", validation_alias="ADMIN_USERNAME")
    admin_password: str = Field("", validation_alias="ADMIN_PASSWORD", repr=False)
    admin_api_token: str = Field("", validation_alias="ADMIN_API_TOKEN", repr=False)
    proxies: Annotated[int, Ge(0), Le(10)] = Field(0, validation_alias="SAFEGRID_PROXIES")
    """How many proxies stand in front of the web: so many entries of their headers are believed."""
    hosts: Annotated[str, AfterValidator(_hosts)] = Field("", validation_alias="SAFEGRID_HOSTS")
    """Names by which the web may be asked, separated by spaces; .example.org is all below it. Any when empty."""
    script_name: Annotated[str, AfterValidator(_prefix)] = Field("", validation_alias="SCRIPT_NAME")
    """The path that everything is below; none when empty."""
    session_idle_s: Annotated[int, Ge(300), Le(43_200)] = Field(3600, validation_alias="SAFEGRID_SESSION_IDLE_S")
    """Without a request for so long, a session ends."""
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field("", validation_alias="SAFEGRID_CORS_ORIGINS")
    """Whose pages may read the grid by its API, such as https://map.example.org, separated by spaces; * for all."""
    rq_dashboard: bool = Field(True, validation_alias="SAFEGRID_RQ_DASHBOARD")
    """Whether rq-dashboard is there, under /rq."""
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] = Field("", validation_alias="SAFEGRID_OIDC_ISSUER")
    """The provider of OpenID Connect, as it calls itself; none when empty."""
    oidc_client_id: str = Field("", validation_alias="SAFEGRID_OIDC_CLIENT_ID")
    oidc_client_secret: str = Field("", validation_alias="SAFEGRID_OIDC_CLIENT_SECRET", repr=False)
    oidc_scopes: str = Field("openid profile email", validation_alias="SAFEGRID_OIDC_SCOPES")
    oidc_claim: Annotated[str, MinLen(1)] = Field("groups", validation_alias="SAFEGRID_OIDC_CLAIM")
    """The claim of the ID token that says who may come in."""
    oidc_viewers: str = Field("", validation_alias="SAFEGRID_OIDC_VIEWERS")
    """Values of the claim that stand for the role, separated by commas."""
    oidc_operators: str = Field("", validation_alias="SAFEGRID_OIDC_OPERATORS")
    public_read: bool = Field(False, validation_alias="PUBLIC_READ")
    """Whether pages that only read the grid need no sign-in."""
    base_map_url: Annotated[str, AfterValidator(_tiles)] = Field("", validation_alias="SAFEGRID_BASE_MAP_URL")
    """Tiles under the cells of the map, with {z}, {x} and {y}, vector ones where it ends with .mvt or .pbf."""
    base_map_file: Annotated[str, AfterValidator(_archive)] = Field("", validation_alias="SAFEGRID_BASE_MAP_FILE")
    """A PMTiles file of this host, in place of the tiles of a service; no base map when both are empty."""
    base_map_attribution: str = Field("", validation_alias="SAFEGRID_BASE_MAP_ATTRIBUTION")

    def oidc_values(self, role: Literal["viewer", "operator"]) -> set[str]:
        """The values of the claim that stand for a role."""
        text = self.oidc_operators if role == "operator" else self.oidc_viewers
        return {value.strip() for value in text.split(",")} - {""}

    @field_validator("oidc_issuer")
    @classmethod
    def _is_https_in_production(cls, value: str, info: ValidationInfo) -> str:
        if _in_production(info) and value.startswith("http://"):
            raise ValueError("must be an https:// address with APP_ENV=production")
        return value

    @field_validator("oidc_client_id", "oidc_client_secret")
    @classmethod
    def _comes_with_its_provider(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("is required with SAFEGRID_OIDC_ISSUER")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _is_openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must be scopes separated by spaces, with openid among them")
        return value

    @field_validator("oidc_operators")
    @classmethod
    def _lets_somebody_in(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not (value.strip(", ") or info.data.get("oidc_viewers", "").strip(", ")):
            raise ValueError("or SAFEGRID_OIDC_VIEWERS is required with SAFEGRID_OIDC_ISSUER: who may sign in")
        return value

    @field_validator("base_map_attribution")
    @classmethod
    def _names_its_source(cls, value: str, info: ValidationInfo) -> str:
        given = [name for name in ("url", "file") if info.data.get(f"base_map_{name}")]
        if given and not value.strip():
            what = f"SAFEGRID_BASE_MAP_{given[0].upper()}"
            raise ValueError(f"is required with {what}: the origin and licence of the tiles")
        return value

    @field_validator("base_map_file")
    @classmethod
    def _is_the_only_one(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("base_map_url"):
            raise ValueError("and SAFEGRID_BASE_MAP_URL are both set: set only one of them")
        return value

    @field_validator(*SHORTEST)
    @classmethod
    def _is_a_secret(cls, value: str, info: ValidationInfo) -> str:
        if not _in_production(info) or (not value and info.field_name == "admin_api_token"):
            return value
        shortest = SHORTEST[str(info.field_name)]
        if len(value) < shortest:
            raise ValueError(f"must have at least {shortest} characters with APP_ENV=production")
        if what := weakness.of(value, shortest, ("admin", str(info.data.get("admin_username", "")))):
            raise ValueError(f"{what}; `openssl rand -base64 32` makes a secret")
        return value


def _in_production(info: ValidationInfo) -> bool:
    return info.data.get("app_env") == "production"


S = TypeVar("S", bound=Settings)


def with_local_secrets(settings: S) -> S:
    """In development, unset secrets are this machine's own, kept in the folder `home`. Raises SettingsError."""
    if settings.production:
        return settings
    unset = {"secret_key": "secret-key", "admin_password": "admin-password", "admin_api_token": "admin-api-token"}
    found = {field: local_secret(settings.home, name) for field, name in unset.items() if not getattr(settings, field)}
    for field, value in found.items():
        if not value:
            file = settings.home / unset[field]
            raise SettingsError(f"The secret in {file} is empty: remove the file and start again")
    return settings.model_copy(update=found)
