"""What an embedding space remembers of its model, to notice that the file behind the name is another one."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rag", "0002_collections")]

    operations = [
        migrations.AddField("space", "pooling", models.CharField(blank=True, default="", max_length=8)),
        migrations.AddField("space", "golden", models.JSONField(blank=True, default=list)),
        migrations.AddField("space", "problem", models.CharField(blank=True, default="", max_length=30)),
    ]
