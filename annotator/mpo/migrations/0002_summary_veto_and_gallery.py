"""Pair sets appear when they are whole and say what their pairs are like; pairs can be vetoed and are paged by gap."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0001_initial'),
        ('mpo', '0001_initial'),
        ('rewards', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='pairset',
            name='ready_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='pairset',
            name='summary',
            field=models.JSONField(blank=True, default=dict, help_text='Of all mined pairs: mean gap and share of wins by dimension, reward gaps.'),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='vetoed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='vetoed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='preferencepair',
            name='winner_reward',
            field=models.FloatField(default=0.0, help_text="The loser's is this less the gap."),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='pairset',
            name='pairs_count',
            field=models.PositiveIntegerField(default=0, help_text='Pairs mined, vetoed ones included.'),
        ),
        migrations.AlterField(
            model_name='preferencepair',
            name='pair_set',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pairs', to='mpo.pairset'),
        ),
        migrations.AddIndex(
            model_name='preferencepair',
            index=models.Index(fields=['pair_set', 'reward_gap', 'id'], name='preference_pair_by_gap'),
        ),
        migrations.AddIndex(
            model_name='preferencepair',
            index=models.Index(condition=models.Q(('vetoed_at__isnull', False)), fields=['pair_set', 'id'], name='preference_pair_vetoed'),
        ),
        # Sets that are there already are whole, and their winners' rewards are among the scores.
        migrations.RunSQL(
            """
            UPDATE mpo_pairset SET ready_at = updated_at;
            UPDATE mpo_preferencepair AS pair SET winner_reward = score.reward
            FROM mpo_pairset AS found, rewards_score AS score
            WHERE found.id = pair.pair_set_id AND score.reward_model_id = found.reward_model_id
              AND score.item_id = pair.winner_id;
            """,
            migrations.RunSQL.noop,
        ),
    ]
