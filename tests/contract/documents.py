"""The documents of the two systems that this one replaces, where a checkout of them lies beside this one."""

import json
import re
import shlex
from typing import Any

from tests.conftest import SHARED, needs

FOLDER = SHARED / "contract"
_BLOCK = re.compile(r"^[ ]*```(\w+)\n(.*?)^[ ]*```", re.M | re.S)


def read(name: str) -> str:
    """The text of a document. Skips the test by name where it is not there."""
    file = FOLDER / f"{name}.md"
    needs(f"the document {file.name} in {FOLDER}", file.exists())
    return file.read_text()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of that language."""
    return [body for found, body in _BLOCK.findall(text) if found == language]


def sections(text: str) -> dict[str, str]:
    """{heading: text below it} of the tasks, whose headings are numbered."""
    parts = re.split(r"^### \d+\. (.+)$", text, flags=re.M)
    return {
        heading: re.split(r"^##? ", body, flags=re.M)[0] for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def settings(text: str) -> dict[str, str]:
    """The variables of its example of a `.env` file, without the comments."""
    block = next(block for block in blocks(text, "bash") if "POLICE_API_BASE_URL=" in block)
    return dict(re.findall(r"^(\w+)=(\S+)", block, re.M))


def shell_commands(text: str) -> list[list[str]]:
    """Every command of its shell blocks as words; comments, outputs and continued lines as a shell reads them."""
    lines = "\n".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if not line.lstrip().startswith(">")]
    return [found for found in words if found and "=" not in found[0]]


def outputs(text: str) -> dict[str, dict[str, Any]]:
    """{task: its example of a result}"""
    found = [json.loads(block) for block in blocks(text, "json")]
    return {output["task"]: output for output in found}
