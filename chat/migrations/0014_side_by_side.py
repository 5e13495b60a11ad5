# The previous version goes on with this: to it, the answers of a comparison are ordinary branches.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0013_thread_collections")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="is_undecided",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
