"""A version keeps what its manifest says, so that pages need not read it from disk."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('datasets', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='datasetversion',
            name='manifest',
            field=models.JSONField(
                blank=True, default=dict, help_text='What manifest.json says: checklist, counts, licences.'
            ),
        ),
    ]
