"""Give a fresh Hearth its first admin and its starter models. Safe to run at every start."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat import served_models
from chat.models import Employee
from inference.errors import InferenceError

WAIT_SECONDS = 20


class Command(BaseCommand):
    help = "Create the first admin (prints a one-time password, once) and find the starter models."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="admin@hearth.local", help="of the first admin")
        parser.add_argument("--json", action="store_true", help='print {"email", "password"} and nothing else')
        parser.add_argument("--without-models", action="store_true", help="do not ask the inference service")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["without_models"]:
            self._models()
        made = Employee.objects.create_first_admin(options["email"])
        first = made[0] if made else Employee.objects.filter(is_admin=True).earliest("pk")
        password = made[1] if made else None
        if options["json"]:
            self.stdout.write(json.dumps({"email": first.email, "password": password}))
        elif password:
            self.stdout.write(f"Sign in as {first.email} with the one-time password {password}")

    def _models(self) -> None:
        """The service may still be starting; without it the minute's sync will do."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                served_models.sync()
                return
            except InferenceError as error:
                if time.monotonic() > deadline:
                    self.stderr.write(f"Models are not set up yet: {error.sentence}")
                    return
                time.sleep(0.5)
