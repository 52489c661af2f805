import random
import uuid

import django.contrib.postgres.functions
import django.db.models.functions.math
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0007_example_view"),
    ]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="token",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                unique=True,
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="token",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                unique=True,
            ),
        ),
        migrations.AddField(
            model_name="campaignitem",
            name="lot",
            field=models.FloatField(
                db_default=django.db.models.functions.math.Random(), default=random.random, editable=False
            ),
        ),
        migrations.RemoveIndex(model_name="campaignitem", name="campaign_item_queue"),
        migrations.AddIndex(
            model_name="campaignitem",
            index=models.Index(
                models.F("campaign"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("lot"),
                condition=models.Q(("open_slots__gt", 0)),
                name="campaign_item_queue",
            ),
        ),
        migrations.AlterField(
            model_name="campaign",
            name="queue_order",
            field=models.CharField(
                choices=[
                    ("priority", "By priority, equal ones shuffled for each person"),
                    ("uncertainty", "Where the promoted reward model is least sure"),
                    ("random", "At random"),
                ],
                default="priority",
                max_length=12,
            ),
        ),
    ]
