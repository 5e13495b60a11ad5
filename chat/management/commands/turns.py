"""Write answers until told to stop."""

from __future__ import annotations

import logging
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from chat.turns.worker import Worker


class Command(BaseCommand):
    help = "Claims queued turns and writes their answers. SIGTERM gives them back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=settings.TURNS_CONCURRENCY, help="answers at once")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger(__name__).info("writing up to %d answers at once", options["concurrency"])
        uvloop.run(self._work(options["concurrency"]))

    async def _work(self, concurrency: int) -> None:
        await Worker(concurrency).run()
