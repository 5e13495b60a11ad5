"""Groups, shared collections, files of one thread, new versions.

The previous version goes on with these tables: every new column is empty or has a default in the database, and
documents in collections have no Access row, so that code which knows only those shows them to nobody.
"""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import rag.ids


class Migration(migrations.Migration):
    dependencies = [
        ("rag", "0001_documents"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Collection",
            fields=[
                ("id", models.UUIDField(default=rag.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("description", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CollectionRight",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "principal_id", "collection_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("role", models.CharField(choices=[("reader", "Reader"), ("curator", "Curator")], max_length=7)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rights", to="rag.collection"
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.principal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hidden",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "principal_id", "document_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hidings", to="rag.document"
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.principal"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="document",
            name="is_thread_file",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="document",
            name="suspended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="thread_id",
            field=models.UUIDField(blank=True, db_index=True, null=True),
        ),
        migrations.AddField(
            model_name="principal",
            name="may_make_collections",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="principal",
            name="name",
            field=models.CharField(blank=True, db_default="", default="", max_length=80),
        ),
        migrations.AddField(
            model_name="principal",
            name="served_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="upload",
            name="folder",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AddField(
            model_name="upload",
            name="is_duplicate",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="upload",
            name="is_thread_file",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="upload",
            name="replaces",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.document"
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="thread_id",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="version",
            name="media_type",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AddField(
            model_name="version",
            name="replaced_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="version",
            index=models.Index(fields=["sha256"], name="rag_version_sha256"),
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("kind", "group")),
                name="rag_principal_group_name",
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="collection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="documents",
                to="rag.collection",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="collection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="rag.collection",
            ),
        ),
        migrations.AddConstraint(
            model_name="collectionright",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["reader", "curator"])), name="rag_collectionright_known_role"
            ),
        ),
        # Every employee may make collections until an admin decides otherwise.
        migrations.RunSQL(
            "UPDATE rag_principal SET may_make_collections = true WHERE kind = 'everyone'", migrations.RunSQL.noop
        ),
    ]
