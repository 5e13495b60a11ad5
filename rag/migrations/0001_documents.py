"""The tables of documents, with pgvector first and the embedding table partitioned by space.

Django cannot say PARTITION BY or STORAGE PLAIN, so that one table is made in SQL; the model is state only.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.utils.timezone
import pgvector.django.halfvec
import pgvector.django.indexes
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension

import rag.ids

# Unlike Django's, these foreign keys cascade, so deleting a chunk in SQL takes its vectors along; and they are checked
# at once, since pending checks would forbid to drop a partition in the same transaction.
EMBEDDING_TABLE = """
CREATE TABLE rag_embedding_384 (
    chunk_id bigint NOT NULL REFERENCES rag_chunk ON DELETE CASCADE,
    space_id bigint NOT NULL REFERENCES rag_space ON DELETE CASCADE,
    version_id bigint NOT NULL REFERENCES rag_version ON DELETE CASCADE,
    vector halfvec(384) NOT NULL,
    PRIMARY KEY (chunk_id, space_id)
) PARTITION BY LIST (space_id);
ALTER TABLE rag_embedding_384 ALTER COLUMN vector SET STORAGE PLAIN;
CREATE INDEX rag_embedding_384_version ON rag_embedding_384 (version_id);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ordinal", models.PositiveIntegerField()),
                ("page_first", models.PositiveIntegerField()),
                ("page_last", models.PositiveIntegerField()),
                ("spans", models.JSONField()),
                ("heading", models.CharField(blank=True, default="", max_length=500)),
                ("body", models.TextField()),
                ("body_hash", models.BigIntegerField(default=0)),
                ("num_tokens", models.PositiveSmallIntegerField()),
                ("num_lexemes", models.PositiveSmallIntegerField(default=1)),
                ("language", models.CharField(default="simple", max_length=20)),
                ("flags", models.PositiveIntegerField(default=0)),
                ("tsv", django.contrib.postgres.search.SearchVectorField()),
            ],
        ),
        migrations.CreateModel(
            name="LexemeFrequency",
            fields=[
                ("word", models.TextField(primary_key=True, serialize=False)),
                ("num_chunks", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="CorpusStatistic",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("num_chunks", models.PositiveIntegerField(default=0)),
                ("sum_lexemes", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="rag_corpusstatistic_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.UUIDField(default=rag.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=255)),
                ("media_type", models.CharField(default="application/pdf", max_length=100)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Principal",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("everyone", "Everyone"), ("employee", "Employee"), ("group", "Group")], max_length=10
                    ),
                ),
                (
                    "employee",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="principal",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "employee_id", "principal_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "employee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="rag.principal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Access",
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="accesses", to="rag.document"
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="accesses", to="rag.principal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Space",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=255)),
                ("weights_sha256", models.CharField(blank=True, default="", max_length=64)),
                ("num_dimensions", models.PositiveSmallIntegerField(default=384)),
                ("query_prefix", models.CharField(blank=True, default="", max_length=200)),
                ("passage_prefix", models.CharField(blank=True, default="", max_length=200)),
                ("max_tokens", models.PositiveIntegerField(default=512)),
                (
                    "status",
                    models.CharField(
                        choices=[("building", "Building"), ("active", "Active"), ("retired", "Retired")],
                        default="building",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "active")), fields=("status",), name="rag_space_one_active"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "retired"), _negated=True),
                        fields=("model",),
                        name="rag_space_model_in_use_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.UUIDField(default=rag.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("size_bytes", models.BigIntegerField()),
                ("received_bytes", models.BigIntegerField(default=0)),
                ("file_name", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "document",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="rag.document",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Version",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(default=1)),
                ("file_name", models.CharField(max_length=64, unique=True)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("sha256", models.BinaryField(max_length=32)),
                ("pipeline", models.PositiveSmallIntegerField(default=1)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("extracting", "Extracting"),
                            ("searchable", "Searchable"),
                            ("embedding", "Embedding"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("num_pages", models.PositiveIntegerField(default=0)),
                ("num_pages_done", models.PositiveIntegerField(default=0)),
                ("num_chars", models.PositiveIntegerField(default=0)),
                ("num_chunks", models.PositiveIntegerField(default=0)),
                ("num_chunks_embedded", models.PositiveIntegerField(default=0)),
                ("outline", models.JSONField(default=list)),
                ("error_code", models.CharField(blank=True, default="", max_length=40)),
                ("error_params", models.JSONField(blank=True, default=dict)),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("searchable_at", models.DateTimeField(blank=True, null=True)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="rag.document"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Shard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("first_page", models.PositiveIntegerField()),
                ("num_pages", models.PositiveIntegerField()),
                ("is_done", models.BooleanField(default=False)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shards", to="rag.version"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Page",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "version_id", "page_no", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("page_no", models.PositiveIntegerField()),
                ("label", models.CharField(blank=True, default="", max_length=40)),
                ("width", models.FloatField()),
                ("height", models.FloatField()),
                ("rotation", models.PositiveSmallIntegerField(default=0)),
                ("text", models.TextField()),
                ("lines", models.JSONField(default=list)),
                ("source", models.CharField(choices=[("text", "Text"), ("ocr", "Ocr")], default="text", max_length=8)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pages", to="rag.version"
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(EMBEDDING_TABLE, "DROP TABLE rag_embedding_384")],
            state_operations=[
                migrations.CreateModel(
                    name="Embedding",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "chunk_id", "space_id", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("vector", pgvector.django.halfvec.HalfVectorField(dimensions=384)),
                        (
                            "chunk",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="rag.chunk",
                            ),
                        ),
                        (
                            "space",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="rag.space",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.version"
                            ),
                        ),
                    ],
                    options={
                        "db_table": "rag_embedding_384",
                    },
                ),
            ],
        ),
        migrations.AddField(
            model_name="document",
            name="live_version",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="rag.version"
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="newest_version",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="rag.version"
            ),
        ),
        migrations.CreateModel(
            name="Citation",
            fields=[
                ("id", models.UUIDField(default=rag.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("message_id", models.UUIDField(db_index=True)),
                ("n", models.PositiveSmallIntegerField()),
                ("page_no", models.PositiveIntegerField()),
                ("char_start", models.PositiveIntegerField()),
                ("char_end", models.PositiveIntegerField()),
                ("quote", models.TextField()),
                ("heading", models.CharField(blank=True, default="", max_length=500)),
                (
                    "strength",
                    models.CharField(choices=[("strong", "Strong"), ("weak", "Weak")], default="weak", max_length=6),
                ),
                ("score", models.FloatField(default=0.0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "chunk",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="rag.chunk",
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.document"),
                ),
                (
                    "version",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="rag.version"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="chunk",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="chunks", to="rag.version"
            ),
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "chunk_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("is_done", models.BooleanField(default=False)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                (
                    "space",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="rag.space"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="rag.version"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "everyone")), fields=("kind",), name="rag_principal_one_everyone"
            ),
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("employee__isnull", False), ("kind", "employee")),
                    models.Q(models.Q(("kind", "employee"), _negated=True), ("employee__isnull", True)),
                    _connector="OR",
                ),
                name="rag_principal_employee_iff_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("document__isnull", True)), fields=["updated_at"], name="rag_upload_unfinished"
            ),
        ),
        migrations.AddIndex(
            model_name="version",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "extracting", "searchable", "embedding"])),
                fields=["lease_until"],
                name="rag_version_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="rag_version_document_number"),
        ),
        migrations.AddIndex(
            model_name="shard",
            index=models.Index(
                condition=models.Q(("is_done", False)), fields=["number", "id"], name="rag_shard_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="shard",
            constraint=models.UniqueConstraint(fields=("version", "number"), name="rag_shard_version_number"),
        ),
        migrations.AddIndex(
            model_name="embedding",
            index=pgvector.django.indexes.HnswIndex(
                ef_construction=64,
                fields=["vector"],
                m=16,
                name="rag_embedding_384_hnsw",
                opclasses=["halfvec_cosine_ops"],
            ),
        ),
        migrations.AddConstraint(
            model_name="citation",
            constraint=models.UniqueConstraint(fields=("message_id", "n"), name="rag_citation_message_n"),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=["tsv"], name="rag_chunk_tsv"),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(fields=("version", "ordinal"), name="rag_chunk_version_ordinal"),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("is_done", False)), fields=["number", "id"], name="rag_batch_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.UniqueConstraint(
                fields=("space", "version", "number"), name="rag_batch_space_version_number"
            ),
        ),
    ]
