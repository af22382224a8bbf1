"""What an error of a command says to the person at the terminal."""

from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from jobs.errors import SafegridError, WrongCall
from worker.engines.errors import EngineError

WRONG_CALL = 2


def explain(error: Exception) -> str | None:
    """One line: what happened, to what, and what to do. None for an error that nobody foresaw."""
    match error:
        case SafegridError() | EngineError() | TimeoutError():
            return str(error)
        case ProgrammingError():
            return f"{_first_line(error)}: if tables are missing, run `safegrid migrate`"
        case OperationalError():
            return f"PostgreSQL cannot be reached: {_first_line(error)}. Check DATABASE_URL"
        case RedisError():
            return f"Redis cannot be reached: {error}. Check REDIS_URL and QUEUE_REDIS_URL"
    return None


def is_wrong_call(error: Exception) -> bool:
    """Whether the call itself was wrong, so that nothing was done."""
    return isinstance(error, WrongCall)


def _first_line(error: OperationalError | ProgrammingError) -> str:
    return str(error.orig).strip().splitlines()[0]
