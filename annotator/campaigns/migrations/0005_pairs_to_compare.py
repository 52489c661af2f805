"""Pairs are handed out like items: each to so many people. What had been compared before becomes a pair that is done."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Greatest, Least

PAIRS_OF_WHAT_WAS_COMPARED = """
INSERT INTO campaigns_comparisonpair (campaign_id, first_id, second_id, swapped, needed, open_slots, submitted)
SELECT campaign_id, LEAST(left_id, right_id), GREATEST(left_id, right_id), false, count(*), 0, count(*)
FROM campaigns_comparison GROUP BY 1, 2, 3 ORDER BY min(id);
UPDATE campaigns_comparison c
SET pair_id = p.id, swapped = c.left_id > c.right_id, state = 'submitted', leased_at = c.created_at,
    lease_expires_at = c.updated_at, submitted_at = c.updated_at
FROM campaigns_comparisonpair p
WHERE p.campaign_id = c.campaign_id AND p.first_id = LEAST(c.left_id, c.right_id)
  AND p.second_id = GREATEST(c.left_id, c.right_id);
INSERT INTO campaigns_comparisonchange (comparison_id, preference, milliseconds, made_at)
SELECT id, preference, milliseconds, updated_at FROM campaigns_comparison ORDER BY id;
-- The checks of foreign keys that wait for the commit would stand in the way of changing the tables further.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

STATES = [("leased", "In work"), ("submitted", "Submitted"), ("skipped", "Skipped"), ("expired", "Lease expired")]
PREFERENCES = [("left", "Left"), ("right", "Right"), ("tie", "No difference")]
REASONS = [
    ("broken", "The media does not show or play"),
    ("unsafe", "I do not want to look at this"),
    ("unclear", "A question is unclear here"),
    ("other", "Another reason"),
]


def key(to, **options):
    return models.ForeignKey(on_delete=options.pop("on_delete", django.db.models.deletion.PROTECT), to=to, **options)


class Migration(migrations.Migration):

    dependencies = [
        ("campaigns", "0004_examples_flags_suggestions"),
        ("library", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "campaign", "kind",
            models.CharField(
                choices=[
                    ("judging", "The checklist, item by item"),
                    ("comparing", "Which of two is better, pair by pair"),
                ],
                default="judging", max_length=10,
            ),
        ),
        migrations.CreateModel(
            "ComparisonPair",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("campaign", key("campaigns.campaign", on_delete=django.db.models.deletion.CASCADE, related_name="pairs")),
                ("first", key("library.item", related_name="+")),
                ("second", key("library.item", related_name="+")),
                (
                    "swapped",
                    models.BooleanField(
                        default=False, help_text="Whether the second item is left for the first person."
                    ),
                ),
                ("needed", models.PositiveSmallIntegerField(help_text="How many people this pair needs.")),
                ("open_slots", models.PositiveSmallIntegerField(help_text="needed − submitted − under lease.")),
                ("submitted", models.PositiveSmallIntegerField(default=0)),
            ],
            {"ordering": ["id"]},
        ),
        migrations.CreateModel(
            "ComparisonChange",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "comparison",
                    key("campaigns.comparison", on_delete=django.db.models.deletion.CASCADE, related_name="changes"),
                ),
                ("preference", models.CharField(choices=PREFERENCES, max_length=5)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
            {"ordering": ["id"]},
        ),
        migrations.AddField(
            "comparison", "pair",
            key(
                "campaigns.comparisonpair", null=True, on_delete=django.db.models.deletion.CASCADE,
                related_name="comparisons",
            ),
        ),
        migrations.AddField(
            "comparison", "swapped",
            models.BooleanField(default=False, help_text="Whether the second item is shown on the left."),
        ),
        migrations.AddField(
            "comparison", "state", models.CharField(choices=STATES, default="leased", max_length=10)
        ),
        migrations.AddField("comparison", "leased_at", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AddField("comparison", "lease_expires_at", models.DateTimeField(null=True)),
        migrations.AddField("comparison", "submitted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "comparison", "skip_reason", models.CharField(blank=True, choices=REASONS, max_length=10)
        ),
        migrations.AddField("comparison", "skip_note", models.TextField(blank=True)),
        migrations.AlterField(
            "comparison", "preference", models.CharField(blank=True, choices=PREFERENCES, max_length=5)
        ),
        migrations.RunSQL(PAIRS_OF_WHAT_WAS_COMPARED, migrations.RunSQL.noop),
        migrations.RemoveConstraint("comparison", "comparison_once_a_person"),
        migrations.RemoveConstraint("comparison", "comparison_of_two_items"),
        migrations.RemoveField("comparison", "campaign"),
        migrations.RemoveField("comparison", "left"),
        migrations.RemoveField("comparison", "right"),
        migrations.AlterField(
            "comparison", "pair",
            key("campaigns.comparisonpair", on_delete=django.db.models.deletion.CASCADE, related_name="comparisons"),
        ),
        migrations.AlterField("comparison", "lease_expires_at", models.DateTimeField()),
        migrations.AddConstraint(
            "comparison",
            models.UniqueConstraint(fields=["pair", "annotator"], name="comparison_once_for_each"),
        ),
        migrations.AddIndex(
            "comparison",
            models.Index(
                fields=["lease_expires_at"], condition=models.Q(state="leased"), name="comparison_lease_expiry"
            ),
        ),
        migrations.AddIndex(
            "comparison", models.Index(fields=["annotator", "-submitted_at"], name="comparison_submitted")
        ),
        migrations.AddIndex(
            "comparisonpair",
            models.Index(
                fields=["campaign", "id"], condition=models.Q(open_slots__gt=0), name="comparison_pair_queue"
            ),
        ),
        migrations.AddConstraint(
            "comparisonpair",
            models.UniqueConstraint(
                models.F("campaign"), Least("first", "second"), Greatest("first", "second"),
                name="comparison_pair_once",
            ),
        ),
        migrations.AddConstraint(
            "comparisonpair",
            models.CheckConstraint(condition=~models.Q(first=models.F("second")), name="comparison_pair_of_two_items"),
        ),
        migrations.AddConstraint(
            "comparisonpair",
            models.CheckConstraint(
                condition=models.Q(open_slots__lte=models.F("needed")), name="comparison_pair_slots_fit"
            ),
        ),
    ]
