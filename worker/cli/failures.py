"""What an error of a command says to the person at the terminal."""

from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from jobs.errors import SafegridError, WrongCall
from worker import causes
from worker.engines.errors import EngineError

WRONG_CALL = 2


def explain(error: Exception) -> str | None:
    """One line: what happened, to what, and what to do. None for an error that nobody foresaw."""
    match error:
        case SafegridError() | EngineError() | TimeoutError():
            return str(error)
        case ProgrammingError() | OperationalError():
            return causes.of_postgresql(error)
        case RedisError():
            return causes.of_redis(error)
    return None


def is_wrong_call(error: Exception) -> bool:
    """Whether the call itself was wrong, so that nothing was done."""
    return isinstance(error, WrongCall)
