"""How much one employee may ask of the models through this door, whatever the number of their keys.

Requests a minute are counted for all web processes together (`chat.limits`, in Valkey); requests at a time
are counted in each process, because only it knows when one has ended.
"""

from __future__ import annotations

from collections import Counter

from chat import limits
from chat.api.errors import TooManyAtOnce
from chat.models import Employee

MAX_RUNNING_PER_EMPLOYEE = 4


def take_turn(employee: Employee) -> None:
    """Count one request; raises TooMany when the minute is full."""
    limits.take("api.employee", str(employee.pk))


class Places:
    """Requests that are running in this process, by employee. Used from the event loop alone."""

    def __init__(self, max_running: int) -> None:
        self._max_running = max_running
        self._num_by_employee: Counter[int] = Counter()

    def take(self, employee: Employee) -> Place:
        """Raises TooManyAtOnce. The place must be given back, whatever happens."""
        if self._num_by_employee[employee.pk] >= self._max_running:
            raise TooManyAtOnce(self._max_running)
        self._num_by_employee[employee.pk] += 1
        return Place(self._num_by_employee, employee.pk)


class Place:
    """One running request."""

    def __init__(self, num_by_employee: Counter[int], employee_id: int) -> None:
        self._num_by_employee = num_by_employee
        self._employee_id = employee_id
        self._is_held = True

    def give_back(self) -> None:
        """Safe to call twice."""
        if not self._is_held:
            return
        self._is_held = False
        self._num_by_employee[self._employee_id] -= 1
        if not self._num_by_employee[self._employee_id]:
            del self._num_by_employee[self._employee_id]


places = Places(MAX_RUNNING_PER_EMPLOYEE)
