# The previous version goes on with this: to it, every thread is in the list.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0004_branches"),
    ]

    operations = [
        migrations.AddField(
            model_name="thread",
            name="pinned_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="thread",
            name="archived_at",
            field=models.DateTimeField(null=True),
        ),
    ]
