"""A mail server that takes messages by SMTP (RFC 5321), without TLS, as one on this machine may be."""

import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from typing import Self


class Mailbox(socketserver.ThreadingTCPServer):
    """Serves from `with` on; `taken` are the messages, each with its envelope."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken: list[tuple[list[str], Message]] = []
        self.refuses = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        to: list[str] = []
        self._say("220 stand-in")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                self._say("250 stand-in")
            elif verb == "RCPT":
                to.append(line.partition(":")[2].strip("<> "))
                self._say("451 try again later" if self.server.refuses else "250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                self.server.taken.append((to, message_from_bytes(self._data())))
                self._say("250 ok")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())
