"""Sending a message to a receiver. No error names an address: it is a secret."""

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from jobs.settings import LOOPBACK
from jobs.webhooks import TIMEOUT_S, DeliveryRefused, post, signed
from worker.settings import Settings
from worker.telling import forms
from worker.telling.messages import Message
from worker.telling.receivers import Receiver

_SMTPS_PORT = 465
_SUBMISSION_PORT = 587


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
        raise DeliveryRefused(f"The receiver {receiver.name} responded with {status}: check its address", asked_s)


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
        raise DeliveryRefused(f"The mail server refused a message ({type(error).__name__})") from None


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
