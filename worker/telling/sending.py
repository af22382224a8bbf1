"""Sending a message to a receiver. No error names an address: it is a secret."""

import base64
import binascii
import hashlib
import hmac
import smtplib
import ssl
import time
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests

from jobs.errors import SafegridError
from jobs.http import asked_wait_s
from jobs.responses import Deadline, session
from jobs.settings import LOOPBACK
from worker.settings import Settings
from worker.telling import forms
from worker.telling.messages import Message
from worker.telling.receivers import Receiver

TIMEOUT_S = 10
LONGEST_ASKED_WAIT_S = 3600.0
_SMTPS_PORT = 465
_SUBMISSION_PORT = 587


class DeliveryRefused(SafegridError):
    """A receiver did not take a message."""

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def send(settings: Settings, receiver: Receiver, message: Message) -> None:
    """Returns once the receiver has taken it. Raises DeliveryRefused."""
    if receiver.form == "mail":
        _mail(settings, receiver, message)
    else:
        _post(settings, receiver, message)


def _post(settings: Settings, receiver: Receiver, message: Message) -> None:
    body = forms.body(message, receiver.form)
    headers = {"Content-Type": "application/json"}
    if receiver.form == "json":
        headers |= signed(settings.alert_secret, message.id, body)
    status, asked_s = post(receiver.url, body, headers, f"The receiver {receiver.name}")
    if not 200 <= status < 300:
        raise DeliveryRefused(f"The receiver {receiver.name} answered {status}: is its address right?", asked_s)


def post(url: str, body: bytes, headers: dict[str, str], who: str) -> tuple[int, float]:
    """Status, and the seconds that the receiver asks to wait. Raises DeliveryRefused where there is none."""
    try:
        # Only the status counts; what follows may take for ever.
        with (
            Deadline(TIMEOUT_S).running(),
            session() as sender,
            sender.post(
                url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            ) as response,
        ):
            return response.status_code, asked_wait_s(response.headers, LONGEST_ASKED_WAIT_S)
    except (requests.RequestException, ValueError) as error:
        raise DeliveryRefused(f"{who} cannot be reached ({type(error).__name__})") from None


def signed(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """Headers by which the receiver knows that it is we: those of standardwebhooks.com.

    The signature is that of `{id}.{timestamp}.{body}`. A secret that begins with `whsec_` is base64.
    """
    stamp = str(int(time.time()))
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp}
    if secret:
        content = f"{message_id}.{stamp}.".encode() + body
        digest = hmac.new(key_of(secret), content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def key_of(secret: str) -> bytes:
    """The key that a secret stands for."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _mail(settings: Settings, receiver: Receiver, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = message.title if len(message.events) != 1 else f"{message.title}: {message.events[0].kind}"
    mail["From"] = settings.alert_from or "safegrid@localhost"
    mail["To"] = receiver.url
    # Of one id, so that a mailbox can tell that one came twice.
    mail["Message-ID"] = f"<{message.id}@safegrid>"
    mail.set_content("\n\n".join((message.title, *message.lines)))
    try:
        _hand_over(settings.smtp_url, mail)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryRefused(f"The mail server did not take a message ({type(error).__name__})") from None


def _hand_over(url: str, mail: EmailMessage) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or _SMTPS_PORT, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, parts.port or _SUBMISSION_PORT, timeout=TIMEOUT_S)
    with server:
        if parts.scheme == "smtp" and host not in LOOPBACK:
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
