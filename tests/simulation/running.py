"""Many sequences, the same for the same seed."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Report, Simulation
from tests.simulation.processes import Processes
from worker.settings import Settings

STEPS = 25


def simulate(database: Settings, sequences: int, seed_: int, *, shrink: bool = True) -> Report:
    """Run that many sequences, the same for the same seed. Raises AssertionError with the shortest that fails."""

    @seed(seed_)
    class Seeded(Simulation):
        processes = Processes(database)
        settings = database
        report = Report()

    try:
        run_state_machine_as_test(
            Seeded,
            settings=settings(
                max_examples=sequences,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
    finally:
        Seeded.processes.close()
    return Seeded.report
