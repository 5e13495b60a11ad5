# Built while people write: a table lock would hold up every answer. The previous version does not notice.

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("chat", "0005_pin_and_archive"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="thread",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector("title", config="simple"), name="thread_words"
            ),
        ),
        AddIndexConcurrently(
            model_name="message",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector(
                    django.db.models.functions.text.Left("text", 100_000), config="simple"
                ),
                condition=models.Q(("status", "pending"), _negated=True),
                name="message_words",
            ),
        ),
    ]
