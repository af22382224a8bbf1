"""Who is told: addresses out of the settings, each with the least severity that it wants and the form that it takes."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from jobs.settings import secure_address
from worker.findings.kinds import SEVERITIES, Severity

Form = Literal["slack", "discord", "teams", "googlechat", "json", "mail"]

_FORMS: tuple[Form, ...] = ("slack", "discord", "teams", "googlechat", "json")
_HOSTS: dict[str, Form] = {
    "hooks.slack.com": "slack",
    "hooks.slack-gov.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "chat.googleapis.com": "googlechat",
    # Workflows of Teams; the connectors of before take the same card.
    "logic.azure.com": "teams",
    "powerplatform.com": "teams",
    "webhook.office.com": "teams",
}


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told. The address is a secret: `name` stands for it in logs, tables and findings."""

    url: str = field(repr=False)
    form: Form
    least: Severity
    """The least severity that is told."""

    @property
    def name(self) -> str:
        """The host, or the mailbox, and what tells two of one host apart."""
        if self.form == "mail":
            return self.url
        return f"{urlsplit(self.url).hostname} {hashlib.sha256(self.url.encode()).hexdigest()[:6]}"

    @property
    def severities(self) -> tuple[str, ...]:
        """Those that are told."""
        return SEVERITIES[: SEVERITIES.index(self.least) + 1]


def read(text: str) -> Receiver:
    """A receiver out of `[SEVERITY=][FORM+]https://...` or `[SEVERITY=]mailto:ADDRESS`. Raises ValueError.

    Without a form it follows from the host; a host that is not known takes JSON.
    """
    least: Severity = "warning"
    severity, is_given, rest = text.partition("=")
    if is_given and severity in SEVERITIES:
        least, text = next(one for one in SEVERITIES if one == severity), rest
    if text.startswith("mailto:"):
        address = text.removeprefix("mailto:")
        if address.count("@") != 1 or any(sign in address for sign in " \r\n,;?"):
            raise ValueError("must be mailto:somebody@example.org")
        return Receiver(address, "mail", least)
    form, is_given, rest = text.partition("+http")
    if is_given and form in _FORMS:
        return Receiver(_checked(f"http{rest}"), next(one for one in _FORMS if one == form), least)
    return Receiver(_checked(text), _form_of(text), least)


def _checked(url: str) -> str:
    """As it is given: a slash at its end may be part of a secret."""
    secure_address(url)
    return url


def _form_of(url: str) -> Form:
    parts = urlsplit(url)
    host = parts.hostname or ""
    found: Form = next((form for end, form in _HOSTS.items() if host == end or host.endswith(f".{end}")), "json")
    # Discord takes what Slack takes at such an address.
    return "slack" if found == "discord" and parts.path.rstrip("/").endswith("/slack") else found


def read_all(text: str) -> list[Receiver]:
    """Receivers separated by spaces or line ends. Raises ValueError, naming none of their addresses."""
    return [read(one) for one in text.split()]
