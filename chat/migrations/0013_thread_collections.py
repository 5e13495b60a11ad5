# The previous version goes on with this: to it, a thread asks its own documents and nothing else.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0012_assistants_prompts"),
        ("rag", "0005_citation_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="thread",
            name="asks_everything",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="thread",
            name="collections",
            field=models.ManyToManyField(related_name="+", to="rag.collection"),
        ),
    ]
