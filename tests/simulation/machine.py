"""The state machine: everything that people, processes and accidents do, in any order, one within another."""

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar
from unittest import mock

import redis
import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy.exc import DBAPIError

from jobs import catalogue
from tests.simulation import invariants
from tests.simulation.choices import INDEX, INTERRUPTIONS, JOBS, NUMBERS, OF_A_SWEEP, OLD, QUEUE, SECONDS, SOMETIMES
from tests.simulation.house import QUEUES, House, WorkHorse
from tests.simulation.jobs import jobs
from tests.simulation.processes import Interruption, Killed, Processes, is_accident
from worker import attempts, pulses, transport
from worker.errors import ClaimLost
from worker.settings import Settings
from worker.sweeping import Sweeper


def anybody(machine: "Simulation") -> bool:
    """Whether a work-horse is at work."""
    return bool(machine.house.work_horses)


def anything(machine: "Simulation") -> bool:
    """Whether there are runs."""
    return bool(machine.house.runs)


@dataclass
class Report:
    """What was simulated."""

    sequences: int = 0
    steps: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Runs by their state at the end."""
    accidents: Counter[str] = field(default_factory=Counter)
    """What struck a process in the middle of something."""

    def lines(self) -> list[str]:
        """The report for people."""
        counts = [
            ", ".join(f"{count} {name}" for name, count in sorted(one.items()))
            for one in (self.outcomes, self.accidents)
        ]
        return [
            f"{self.sequences} sequences, {self.steps} steps",
            f"runs: {counts[0]}",
            f"processes struck in the middle of something: {counts[1]}",
        ]


class Simulation(RuleBasedStateMachine):
    """One sequence. Subclasses say where PostgreSQL is."""

    processes: ClassVar[Processes]
    settings: ClassVar[Settings]
    report: ClassVar["Report"]

    def __init__(self) -> None:
        super().__init__()
        self.patches = ExitStack()
        log = self.patches.enter_context(structlog.testing.capture_logs())
        self.jobs = jobs()
        self.known = frozenset(self.jobs)
        self.patches.enter_context(mock.patch.object(catalogue, "load", self._catalogue))
        # Findings look at clocks, disks and a Redis that is not the simulated one; no run hangs on them.
        self.patches.enter_context(mock.patch.object(Sweeper, "_look"))
        self.patches.enter_context(mock.patch.object(pulses, "beat"))
        # A delay that is sometimes over and sometimes not, as this machine is slower or quicker, could not be replayed.
        self.patches.enter_context(mock.patch.object(attempts, "_jittered", lambda seconds: seconds))
        self.house = House(self.settings, self.processes, self.jobs)
        self.house.log = log
        self.report.sequences += 1
        self.is_broken = False

    def _catalogue(self) -> dict[str, Any]:
        return {name: job for name, job in self.jobs.items() if name in self.known}

    # Everything goes through here.

    def do(self, work: Callable[[], None], interruption: Any = None) -> bool:
        """Whether it came to its end undisturbed."""
        disturbance = self._interruption(interruption)
        try:
            with self.processes.interrupted(disturbance):
                work()
        except (Killed, ClaimLost, redis.RedisError):
            return False
        except DBAPIError as error:
            if is_accident(error):
                return False
            raise AssertionError(f"PostgreSQL refused what was never to be asked of it: {error}") from error
        return disturbance is None

    def _interruption(self, given: Any) -> Interruption | None:
        if given is None:
            return None
        kind, at, other = given
        if other is None:
            return Interruption(kind, at)
        name, *arguments = other
        return Interruption(kind, at, lambda: self._overtake(name, *arguments))

    def _overtake(self, name: str, *arguments: Any) -> None:
        self.do(lambda: self._other(name, *arguments))

    def _other(self, name: str, *arguments: Any) -> None:
        house = self.house
        match name, arguments:
            case "sweep" | "submit" | "purge", _:
                getattr(house, name)(*arguments)
            case "cancel" | "retry", (index,):
                if run := self.run(index):
                    getattr(house, name)(run)
            case "take", (index,):
                house.take(self.queue(index), known=self.known)
            case "flush", _:
                house.redis.flushall()
            case "fail", (index,):
                if one := self.idle(index):
                    house.fail(one, for_good=False)
            case _, (index,):
                if one := self.idle(index):
                    getattr(house, name)(one)

    def run(self, index: int) -> str | None:
        """One of the runs; the newest first."""
        runs = list(self.house.rows())
        return runs[-1 - index % len(runs)] if runs else None

    def queue(self, index: int) -> str:
        """One of the queues; where there is one, one with something on its list."""
        filled = [name for name in QUEUES if self.house.redis.type(f"rq:queue:{name}") == b"list"] or QUEUES
        return filled[index % len(filled)]

    def idle(self, index: int) -> WorkHorse | None:
        """A work-horse that does nothing right now."""
        idle = [one for one in self.house.work_horses if one is not self.busy and not one.is_frozen]
        return idle[index % len(idle)] if idle else None

    busy: WorkHorse | None = None

    def work(self, index: int, work: Callable[[WorkHorse], None], interruption: Any = None) -> None:
        """A work-horse does something."""
        if one := self.idle(index):
            self.busy = one
            try:
                self.do(lambda: work(one), interruption)
            finally:
                self.busy = None

    # People.

    @rule(job=JOBS, number=NUMBERS, interruption=INTERRUPTIONS)
    def submit(self, job: str, number: int, interruption: Any) -> None:
        self.do(lambda: self.house.submit(job, number), interruption)

    @precondition(anybody)
    @rule(index=INDEX, interruption=INTERRUPTIONS)
    def submit_a_twin(self, index: int, interruption: Any) -> None:
        """Equal to what is at work."""
        one = self.house.work_horses[index % len(self.house.work_horses)].claimed
        self.do(lambda: self.house.submit(one.job, one.parameters["number"]), interruption)

    @precondition(anything)
    @rule(index=INDEX, at_work=st.booleans(), interruption=INTERRUPTIONS)
    def cancel(self, index: int, at_work: bool, interruption: Any) -> None:
        at_work_on = [one.claimed.run_id for one in self.house.work_horses] if at_work else []
        if run := at_work_on[index % len(at_work_on)] if at_work_on else self.run(index):
            self.do(lambda: self.house.cancel(run), interruption)

    @precondition(anything)
    @rule(index=INDEX, interruption=INTERRUPTIONS)
    def retry(self, index: int, interruption: Any) -> None:
        if run := self.run(index):
            self.do(lambda: self.house.retry(run), interruption)

    @rule(queue=QUEUE)
    def purge(self, queue: str) -> None:
        self.do(lambda: self.house.purge(queue))

    @rule(paused=st.one_of(st.tuples(st.just("queue"), QUEUE), st.just(("cadence", "hourly"))), resume=st.booleans())
    def pause_or_resume(self, paused: tuple[str, str], resume: bool) -> None:
        self.do(lambda: (self.house.resume if resume else self.house.pause)(*paused))

    # Processes.

    @rule(interruption=OF_A_SWEEP, is_old=SOMETIMES)
    def sweep(self, interruption: Any, is_old: bool) -> None:
        self.known = OLD if is_old else frozenset(self.jobs)
        is_undisturbed = self.do(self.house.sweep, interruption)
        self.known = frozenset(self.jobs)
        if is_undisturbed and not is_old:
            self.judge(invariants.check_pushed)

    @precondition(anything)
    @rule(index=INDEX, interruption=INTERRUPTIONS, is_old=SOMETIMES, requeued=SOMETIMES)
    def take(self, index: int, interruption: Any, is_old: bool, requeued: bool) -> None:
        known = OLD if is_old else frozenset(self.jobs)
        queue = self.queue(index)
        self.do(lambda: self.house.take(queue, known=known, requeued=requeued), interruption)

    @precondition(anything)
    @rule(
        index=INDEX, times=st.sampled_from((1, 3, 12, 24)), how=st.sampled_from(("fail", "kill", "cut", "stop", "lose"))
    )
    def be_unlucky(self, index: int, times: int, how: str) -> None:
        """The same accident as often as any budget allows, and oftener."""
        for _ in range(times):
            self.house.pass_time(60)
            self.do(self.house.sweep)
            queue = self.queue(index)
            if how == "lose":
                self.house.redis.lpop(f"rq:queue:{queue}")
            else:
                self.do(lambda queue=queue: self.house.take(queue, known=self.known))
                self.do(lambda: self._other(how, -1))
            self.judge(invariants.check)

    @rule(index=INDEX)
    def sweep_and_take(self, index: int) -> None:
        """Else most would be done with empty lists."""
        self.do(self.house.sweep)
        self.do(lambda: self.house.take(self.queue(index), known=self.known))

    # Work-horses.

    @precondition(anybody)
    @rule(index=INDEX, interruption=INTERRUPTIONS)
    def finish(self, index: int, interruption: Any) -> None:
        self.work(index, self.house.finish, interruption)

    @precondition(anybody)
    @rule(index=INDEX, for_good=st.booleans(), interruption=INTERRUPTIONS)
    def fail(self, index: int, for_good: bool, interruption: Any) -> None:
        self.work(index, lambda one: self.house.fail(one, for_good=for_good), interruption)

    @precondition(anybody)
    @rule(index=INDEX, interruption=INTERRUPTIONS)
    def stop(self, index: int, interruption: Any) -> None:
        self.work(index, self.house.stop, interruption)

    @precondition(anybody)
    @rule(index=INDEX, interruption=INTERRUPTIONS)
    def checkpoint(self, index: int, interruption: Any) -> None:
        self.work(index, self.house.checkpoint, interruption)

    # Accidents.

    @precondition(anybody)
    @rule(index=INDEX, how=st.sampled_from(("kill", "kill", "cut", "kill_for_memory")), is_cancelled=SOMETIMES)
    def hit(self, index: int, how: str, is_cancelled: bool) -> None:
        """is_cancelled: RQ's stop command kills, too."""

        def strike(one: WorkHorse) -> None:
            if is_cancelled:
                self.house.cancel(one.claimed.run_id)
            getattr(self.house, how)(one)

        self.work(index, strike)

    @precondition(anybody)
    @rule(index=INDEX)
    def freeze_or_thaw(self, index: int) -> None:
        one = self.house.work_horses[index % len(self.house.work_horses)]
        one.is_frozen = not one.is_frozen

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: int) -> None:
        self.house.pass_time(seconds)

    @rule()
    def flush(self) -> None:
        self.house.redis.flushall()

    @rule(queue=QUEUE, how=st.sampled_from(("lose", "double", "junk", "junk key")))
    def spoil(self, queue: str, how: str) -> None:
        """An entry, or all of a list, goes or is twice there; or something else is in its place."""
        key = f"rq:queue:{queue}"
        self.house.is_spoilt |= how.startswith("junk")
        redis_ = self.house.redis
        if how == "junk key":
            redis_.set(key, "no list")
        elif redis_.type(key) in (b"none", b"list"):
            if how == "lose":
                redis_.lpop(key)
            elif how == "double":
                redis_.rpush(key, *redis_.lrange(key, 0, -1) or [transport.rq_id(str(uuid.UUID(int=0)), 1)])
            else:
                redis_.lpush(key, b"\xff\x00junk")

    # The judge.

    def judge(self, judgement: Callable[[House], None]) -> None:
        try:
            judgement(self.house)
        except BaseException:
            self.is_broken = True
            raise

    @invariant()
    def holds(self) -> None:
        self.report.steps += 1
        self.judge(invariants.check)

    def teardown(self) -> None:
        try:
            if not self.is_broken:
                self._come_to_rest()
        finally:
            self.report.accidents += self.processes.struck
            self.processes.struck.clear()
            self.house.close()
            self.patches.close()

    def _come_to_rest(self) -> None:
        """Nobody disturbs and nobody asks for more: sweep and work until nothing is left."""
        for kind, name in (*(("queue", queue) for queue in QUEUES), ("cadence", "hourly")):
            self.house.resume(kind, name)
        for one in self.house.work_horses:
            one.is_frozen = False
        for _ in range(30):
            for one in list(self.house.work_horses):
                self.do(lambda one=one: self.house.finish(one))
            # Past every delay, and short of the next occurrence.
            self.house.pass_time(30 * 60)
            self.do(self.house.sweep)
            for queue in QUEUES:
                while self.house.redis.llen(f"rq:queue:{queue}"):
                    self.do(lambda queue=queue: self.house.take(queue, known=self.known))
            self.judge(invariants.check)
            if not self.house.work_horses and all(run.ended_at for run in self.house.rows().values()):
                break
        self.judge(invariants.check_end)
        self.report.outcomes.update(run.state for run in self.house.rows().values())
