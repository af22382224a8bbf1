"""What can go wrong while a job works. A message says what happened, to what, and what to do next."""


class SafegridError(Exception):
    """Root of every error that a person is meant to read."""


class SettingsError(SafegridError):
    """The environment does not describe a system that can run."""


class WrongCall(SafegridError):
    """What was asked for cannot be: it names what is not there, or has a value that cannot be taken."""


class ParameterError(WrongCall):
    """A job was asked for with a parameter that it cannot take."""

    def __init__(self, job: str, problems: dict[str, str]) -> None:
        self.problems = problems
        details = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        super().__init__(f"{job} cannot run with these parameters: {details}")


class JobError(SafegridError):
    """A run failed in a way that may pass: the same run may succeed later."""


class PermanentError(JobError):
    """A run failed in a way that cannot pass by trying again: bad input, or a format that changed."""


class Stopped(BaseException):
    """The worker is going down; the run leaves at a safe place and goes back to its queue.

    A BaseException, so that no `except Exception` inside a job keeps a worker from stopping.
    """


class GaveWay(Stopped):
    """The run lets others go first between two parts of its work, or is paused; its next attempt goes on."""
