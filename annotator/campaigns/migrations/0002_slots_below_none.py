from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="campaignitem",
            name="open_slots",
            field=models.SmallIntegerField(help_text="needed − submitted − under lease."),
        )
    ]
