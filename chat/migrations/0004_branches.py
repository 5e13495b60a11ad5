# The previous version goes on with this: it writes one turn for each answer, and knows no tip.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0003_turn_interruptions"),
    ]

    operations = [
        migrations.AddField(
            model_name="thread",
            name="tip",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="chat.message"
            ),
        ),
        migrations.AlterField(
            model_name="turn",
            name="answer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="written_by", to="chat.message"
            ),
        ),
    ]
