"""A package index on the loopback address: what is locked, and a newer release of each, all of them empty."""

import base64
import hashlib
import io
import re
import tarfile
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.standins.server import Answer, Request, Standin

NEWER = "9999"
# The only one without a wheel: `make requirements` accepts no other.
WITHOUT_WHEEL = "crontab"
BUILD_SYSTEM = """
[build-system]
requires = ["setuptools"]
build-backend = "backend"
backend-path = ["."]
"""
# All that pip asks of a source distribution that it does not install: what it is.
BACKEND = """
import pathlib, shutil
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    place = pathlib.Path(directory, "{stem}.dist-info")
    place.mkdir()
    shutil.copy("PKG-INFO", place / "METADATA")
    return place.name
"""


@dataclass(frozen=True)
class Locked:
    """One line of a lock."""

    requirement: Requirement

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (pin,) = self.requirement.specifier
        assert pin.operator == "=="
        return pin.version


def locked(lock: str) -> list[Locked]:
    """What the text of a lock names."""
    lines = re.findall(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", lock, re.MULTILINE)
    return [Locked(Requirement(line)) for line in lines]


class Index(Standin):
    """Serves files of every locked name: at its version, and at one that no lock has seen."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(self._respond, 0)
        self.fetched: list[str] = []
        self.files: dict[str, dict[str, bytes]] = {}
        for name, version in names.items():
            self.files[name] = dict(_file(name, one) for one in (version, NEWER))

    @property
    def url(self) -> str:
        return f"{self._server.origin}/simple"

    def lock(self, entries: list[Locked]) -> str:
        """The same lock, with the hashes of the files here."""
        lines = []
        for one in entries:
            (content,) = [content for file, content in self.files[one.name].items() if f"-{one.version}" in file]
            lines.append(f"{one.requirement} --hash=sha256:{_digest(content)}\n")
        return "".join(lines)

    def _respond(self, request: Request) -> Answer:
        name = Path(request.path).name
        if request.path.startswith("/simple/") and name in self.files:
            links = "".join(
                f'<a href="/files/{name}/{file}#sha256={_digest(content)}">{file}</a>\n'
                for file, content in self.files[name].items()
            )
            return Answer(body=links.encode(), content_type="text/html")
        content = self.files.get(Path(request.path).parent.name, {}).get(name)
        if content is None:
            return Answer(404)
        self.fetched.append(name)
        return Answer(body=content, content_type="application/octet-stream")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file(name: str, version: str) -> tuple[str, bytes]:
    described = re.sub(r"^Version: .*$", f"Version: {version}", _described(name), count=1, flags=re.MULTILINE)
    stem = f"{name.replace('-', '_')}-{version}"
    if name == WITHOUT_WHEEL:
        return f"{stem}.tar.gz", _source(stem, described)
    return f"{stem}-py3-none-any.whl", _wheel(stem, described)


def _described(name: str) -> str:
    """Its real metadata, with what it needs; that of another platform's is not here."""
    try:
        whole = metadata.distribution(name).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n"
    return whole.partition("\n\n")[0] + "\n"


def _wheel(stem: str, described: str) -> bytes:
    info = f"{stem}.dist-info"
    files = {
        f"{info}/METADATA": described,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_urlsafe(text)},{len(text.encode())}\n" for path, text in files.items())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _source(stem: str, described: str) -> bytes:
    packed = io.BytesIO()
    files = {"PKG-INFO": described, "pyproject.toml": BUILD_SYSTEM, "backend.py": BACKEND.format(stem=stem)}
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
