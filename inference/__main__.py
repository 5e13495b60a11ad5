"""`python -m inference`: serve until SIGTERM or SIGINT, then let running answers end, then end the children."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator

import uvicorn
import uvloop

from inference import config, errors, logs, server, urgency

log = logging.getLogger("inference")


class _Server(uvicorn.Server):
    """Uvicorn would raise the signal again after serving and so end us with a signal's status."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: config.ServiceConfig) -> None:
    app = server.make_app(settings)
    running = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=max(1, int(settings.drain_seconds) + 1),
        )
    )

    def stop() -> None:
        log.info("stopping")
        app.state.service.pool.is_draining = True
        running.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info("serving on http://%s:%s", settings.host, settings.port)
    await running.serve()


def main() -> int:
    logs.start()
    try:
        settings = config.service_config()
    except errors.BadParameter as error:
        print(error.sentence, file=sys.stderr)  # noqa: T201  # the one sentence for whoever starts us
        return 2
    urgency.hurry_session(settings.nice)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
