import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0002_slots_below_none"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="campaignitem",
            index=models.Index(
                models.F("campaign"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("id"),
                name="campaign_item_list",
            ),
        ),
        migrations.AlterField(
            model_name="campaignitem",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="campaign_items",
                to="campaigns.campaign",
            ),
        ),
    ]
