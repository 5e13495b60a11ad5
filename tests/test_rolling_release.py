"""A release is rolled out while the one before still writes into the migrated database."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, CreateModel
from django.db.models.fields import NOT_PROVIDED


@pytest.mark.parametrize("app", ["chat", "rag"])
def test_a_column_added_later_fills_itself(app: str) -> None:
    """An insert that does not know the column yet succeeds: it may be NULL, or the database has a default for it."""
    loader = MigrationLoader(None)
    added: set[tuple[str | None, str]] = set()
    for (label, _name), migration in loader.disk_migrations.items():
        if label == app:
            made = {operation.name_lower for operation in migration.operations if isinstance(operation, CreateModel)}
            fields = [operation for operation in migration.operations if isinstance(operation, AddField)]
            added |= {
                (field.model_name_lower, field.name_lower) for field in fields if field.model_name_lower not in made
            }
    columns = {
        (model._meta.model_name, field.name): field
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.local_concrete_fields
    }
    unfilled = [
        key
        for key in sorted(added & columns.keys())
        if not columns[key].null and columns[key].db_default is NOT_PROVIDED and not columns[key].generated
    ]
    assert not unfilled
