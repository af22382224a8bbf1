"""Posting to an address that is a secret, signed as standardwebhooks.com has it. No error names the address."""

import base64
import binascii
import hashlib
import hmac
import time

import requests

from jobs.errors import JobError
from jobs.http import asked_wait_s
from jobs.responses import Deadline, session

TIMEOUT_S = 10
LONGEST_ASKED_WAIT_S = 3600.0
PREFIX = "whsec_"


class DeliveryRefused(JobError):
    """A receiver did not take what was sent."""

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


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
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
