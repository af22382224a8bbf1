"""What a worker and a scheduler look at before they begin: that the engines are those they need, and let them in."""

from redis import AuthenticationError, RedisError, ResponseError
from sqlalchemy.exc import OperationalError

from jobs import database, schema
from jobs.catalogue import QUEUES
from worker import causes, transport
from worker.settings import Settings

PATIENCE_S = 3


def check(settings: Settings) -> None:
    """Raises what no waiting mends: PoolerRefused, SchemaDiffers, a refusal as OperationalError or redis.RedisError.

    An engine that is away is none: it is waited for.
    """
    engine = database.create(settings)
    try:
        database.refuse_pooler(engine)
        with engine.connect() as connection:
            schema.check(connection)
    except OperationalError as error:
        if causes.is_refused(error):
            raise
    finally:
        engine.dispose()
    _try_redis(settings.redis_url, "GET", "safegrid:rights")
    _try_redis(settings.queue_redis_url, "LLEN", f"rq:queue:{QUEUES[0]}")


def _try_redis(url: str, *command: str) -> None:
    with transport.impatient(url, PATIENCE_S) as store:
        try:
            store.execute_command(*command)
        except (AuthenticationError, ResponseError):
            raise
        except RedisError:
            return
