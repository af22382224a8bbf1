"""The shipped nginx in front of the admin: slow clients hold up nobody, and its headers are believed."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from tests.conftest import needs
from tests.processes import safegrid, until
from tests.web.conftest import PASSWORD, token_in
from worker.settings import Settings

SHIPPED = Path(__file__).parents[2] / "deploy/nginx/safegrid.conf"
HOST = "safegrid.example.org"
SLOW = 200
PREFIX = "/safegrid"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def configuration(folder: Path, port: int, admin: int) -> str:
    """The shipped server as it stands, but for its ports and the certificate, which nobody has for it here."""
    _, server = re.split(r"(?=^server \{)", SHIPPED.read_text(), flags=re.MULTILINE)[1:]
    server = re.sub(r"^ *ssl_.*\n", "", server, flags=re.MULTILINE).replace("443 ssl", f"127.0.0.1:{port}")
    server = server.replace("127.0.0.1:8000", f"127.0.0.1:{admin}").replace("$scheme", "https")
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;"
        f"events {{ worker_connections 1024; }} http {{ access_log off; {paths} {server} }}"
    )


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """Of nginx in front of an admin in production, below a prefix."""
    needs("the package nginx-light", shutil.which("nginx") is not None)
    admin, port = free_port(), free_port()
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port, admin))
    secrets = {"SECRET_KEY": "fpVnUwWjyBMZ83qo62UJHcAoEiTrSg90", "ADMIN_PASSWORD": PASSWORD}
    known = {"SAFEGRID_PROXIES": "1", "SAFEGRID_HOSTS": HOST, "APP_ENV": "production", "SCRIPT_NAME": PREFIX}
    served = {**known, **secrets, "PORT": str(admin), "WEB_CONCURRENCY": "1"}
    with safegrid(settings, "web", log=tmp_path / "web.log", **served):
        nginx = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            until(lambda: is_up(f"http://127.0.0.1:{port}{PREFIX}/healthz"), "the admin answers through nginx")
            yield f"http://127.0.0.1:{port}"
        finally:
            nginx.terminate()
            nginx.wait()


def is_up(url: str) -> bool:
    try:
        return requests.get(url, headers={"Host": HOST}, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.long
def test_slow_clients_hold_up_nobody_and_people_stay_below_the_prefix(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with ExitStack() as slow:
        for number in range(SLOW):
            client = slow.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            head = f"POST {PREFIX}/sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n"
            client.sendall((head if number % 2 else f"{head}\r\nabc").encode())
        with requests.Session() as person:
            person.headers.update({"Host": HOST, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"})
            assert person.get(f"{address}{PREFIX}/healthz", timeout=10).status_code == 200
            page = person.get(f"{address}{PREFIX}/runs/", timeout=10, allow_redirects=False)
            assert page.headers["Location"] == f"{PREFIX}/sign-in?next={PREFIX}/runs/"
            form = person.get(f"{address}{PREFIX}/sign-in", timeout=10)
            assert f'href="{PREFIX}/static/' in form.text
            given = {"username": "admin", "password": PASSWORD, "csrf_token": token_in(form.text)}
            # What requests keeps of a cookie that is for https alone, it would not send here.
            cookies = "; ".join(f"{one.name}={one.value}" for one in person.cookies)
            headers = {"Cookie": cookies, "Referer": f"https://{HOST}{PREFIX}/sign-in"}
            done = person.post(form.url, data=given, headers=headers, timeout=10, allow_redirects=False)
            assert (done.status_code, done.headers["Location"]) == (303, f"{PREFIX}/")
