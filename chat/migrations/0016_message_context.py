# The previous version goes on with this: it leaves the column empty, and its answers say no context length.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0015_db_defaults"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="context_length",
            field=models.IntegerField(null=True),
        ),
    ]
