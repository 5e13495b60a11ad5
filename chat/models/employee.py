"""The people of the company. They sign in with their e-mail address; admins among them choose models and people."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower


def normal_email(email: str) -> str:
    return email.strip().lower()


class EmployeeManager(BaseUserManager["Employee"]):
    def create_employee(self, email: str, password: str | None = None, **fields: Any) -> Employee:
        """A new, active employee. Without a password nobody can sign in as them."""
        employee = self.model(email=normal_email(email), **fields)
        employee.set_password(password)
        employee.save(using=self._db)
        return employee

    def create_first_admin(self, email: str) -> tuple[Employee, str] | None:
        """(admin, one-time password), or None when the company has an admin already."""
        if self.filter(is_admin=True).exists():
            return None
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        admin = self.create_employee(email, password, name="Admin", is_admin=True, must_change_password=True)
        return admin, password

    def lock_admins(self) -> set[int]:
        """Who may manage, by id, and stays so until the transaction ends: changes of rights take turns."""
        admins = self.select_for_update().filter(is_admin=True, is_active=True).order_by("pk")
        return set(admins.values_list("pk", flat=True))

    def get_by_natural_key(self, username: str | None) -> Employee:
        return self.get(email=normal_email(username or ""))


class Employee(AbstractBaseUser):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=8, blank=True)  # empty: as the browser says
    is_admin = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EmployeeManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="employee_email_once")]

    def __str__(self) -> str:
        return self.email

    @property
    def display_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    @property
    def initials(self) -> str:
        words = self.display_name.replace(".", " ").split()
        return "".join(word[0] for word in words[:2]).upper()

    @property
    def socket_group(self) -> str:
        """The doorbell that rings in every tab of this employee."""
        return f"employee.{self.pk}"

    def change_password(self, password: str) -> None:
        """Set it and end every session but the caller's, who must update their own session hash."""
        self.set_password(password)
        self.must_change_password = False
        self.save(update_fields=["password", "must_change_password"])

    def deactivate(self) -> None:
        self.is_active = False
        self.save(update_fields=["is_active"])
