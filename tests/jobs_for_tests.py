"""Jobs that only tests and measurements know: SAFEGRID_JOB_MODULES=tests.jobs_for_tests."""

import signal
import time
from typing import Annotated, Any

from sqlalchemy import text

from jobs import context
from jobs.catalogue import FollowUp, job
from jobs.errors import JobError, PermanentError
from jobs.parameters import Between


@job(queue="cache", slug="do-nothing")
def do_nothing(number: int = 0) -> dict[str, Any]:
    """Return at once, with the time at which it began in seconds since 1970."""
    return {"task": "do_nothing", "number": number, "began": time.time()}


@job(queue="maintenance", slug="take-steps", soft_limit_s=240, hard_limit_s=360)
def take_steps(name: str = "", steps: Annotated[int, Between(1, 1000)] = 5, seconds: float = 0.2) -> dict[str, Any]:
    """Write one row a step, going on after the last step that is kept. Needs the table of `tests.effects`."""
    here = context.current()
    for step in range(here.state.get("step", 0), steps):
        time.sleep(seconds)
        with here.connection.begin():
            here.connection.execute(
                text("INSERT INTO effects (run_id, step) VALUES (:run_id, :step)"),
                {"run_id": here.run_id, "step": step},
            )
        here.checkpoint({"step": step + 1})
        here.progress(step + 1, steps, f"step {step + 1}")
    return {"task": "take_steps", "name": name, "steps": steps}


@job(queue="maintenance", slug="fail", retry_delay_s=0.2)
def fail(for_good: bool = False, message: str = "it broke") -> None:
    """Fail, in a way that may pass or for good."""
    raise (PermanentError if for_good else JobError)(message)


@job(queue="maintenance", slug="stumble", retry_delay_s=6)
def stumble(name: str = "") -> str:
    """Fail the first time, so that there is a wait before the next attempt."""
    here = context.current()
    if not here.state.get("stumbled"):
        here.checkpoint({"stumbled": True})
        raise JobError(f"{name} stumbled")
    return name


@job(queue="maintenance", slug="wait-in-database", soft_limit_s=2)
def wait_in_database(seconds: float = 60) -> None:
    """Wait inside one database call, deaf to everything else."""
    here = context.current()
    with here.connection.begin():
        here.connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


@job(queue="maintenance", slug="be-deaf", soft_limit_s=1, hard_limit_s=3)
def be_deaf(seconds: float = 600) -> None:
    """Hear nothing and do nothing, as code in C may."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(seconds)


@job(queue="maintenance", slug="take-memory")
def take_memory(megabytes: int = 512, seconds: float = 60) -> int:
    """Hold so much memory for so long."""
    held = bytearray(megabytes * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(seconds)
    return len(held)


@job(queue="maintenance", slug="no-json")
def return_no_json() -> object:
    """Return what JSON cannot hold."""
    return object()


@job(queue="cache", slug="lead", follow_ups=lambda result: [FollowUp("do_nothing", {"number": result["number"]})])
def lead(number: int = 1) -> dict[str, Any]:
    """Ask for another run."""
    return {"task": "lead", "number": number}
