from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0003_list_of_items"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="asks_strength",
            field=models.BooleanField(
                default=False,
                help_text="Whether people also say that the preferred item of a pair is much better.",
            ),
        ),
        migrations.AddField(
            model_name="humancomparison",
            name="much_better",
            field=models.BooleanField(default=False, help_text="Whether the preferred item is much better."),
        ),
        migrations.AddField(
            model_name="humancomparisonchange",
            name="much_better",
            field=models.BooleanField(default=False),
        ),
    ]
