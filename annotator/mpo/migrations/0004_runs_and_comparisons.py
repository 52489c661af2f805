"""Runs that tune a generator, their comparison with the start, and what people say of it."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0001_initial'),
        ('jobs', '0001_initial'),
        ('library', '0001_initial'),
        ('mpo', '0003_prompt_sets_and_generations'),
        ('rewards', '0002_history'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MpoRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('pipeline', models.CharField(help_text='A folder below an allowed one, or a hub id.', max_length=500)),
                ('pipeline_class', models.CharField(max_length=80)),
                ('pipeline_fingerprint', models.CharField(max_length=64)),
                ('start_lora', models.CharField(blank=True, help_text='A LoRA that the start wears already.', max_length=500)),
                ('settings', models.JSONField(default=dict, help_text='As reward_engine.mpo.training.Settings.')),
                ('held_out_share', models.FloatField(default=0.1, help_text='Share of the prompts measured, not trained on.')),
                ('trained_pairs', models.PositiveIntegerField(default=0)),
                ('held_out_pairs', models.PositiveIntegerField(default=0)),
                ('trained_prompts', models.PositiveIntegerField(default=0)),
                ('held_out_prompts', models.PositiveIntegerField(default=0)),
                ('estimate', models.JSONField(blank=True, default=dict, help_text='What was told before the start.')),
                ('path', models.CharField(help_text="The run's folder, below ARTIFACT_ROOT.", max_length=300)),
                ('manifest', models.JSONField(blank=True, default=dict, help_text='Of the result; empty until the run is finished.')),
                ('finished_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('job', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mpo_run', to='jobs.job')),
                ('pair_set', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='mpo.pairset')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='ModelComparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('prompts', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='The prompts compared, in their order.', size=None)),
                ('left_out', models.PositiveIntegerField(default=0, help_text='Prompts of the set that a run was trained on.')),
                ('per_prompt', models.PositiveIntegerField(default=4)),
                ('sampling', models.JSONField(default=dict, help_text='Steps, guidance scale and size of the generations.')),
                ('seed', models.BigIntegerField(default=0)),
                ('tie_margin', models.FloatField(default=0.0, help_text='Rewards that differ by no more count as a tie.')),
                ('path', models.CharField(help_text='Where generations lie until they are in the library.', max_length=300)),
                ('result', models.JSONField(blank=True, default=dict)),
                ('finished_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('job', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='model_comparison', to='jobs.job')),
                ('prompt_set', models.ForeignKey(blank=True, help_text='Empty: the prompts that the runs held out.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='model_comparisons', to='mpo.promptset')),
                ('reward_model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='model_comparisons', to='rewards.rewardmodel')),
                ('runs', models.ManyToManyField(related_name='comparisons', to='mpo.mporun')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='HumanVerdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('seed', models.BigIntegerField(default=0, help_text='Of the sample.')),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='mpo_verdict', to='campaigns.campaign')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('comparison', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='mpo.modelcomparison')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='verdicts', to='mpo.mporun')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('comparison', 'run'), name='human_verdict_once')],
            },
        ),
        migrations.CreateModel(
            name='ComparedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('index', models.PositiveIntegerField()),
                ('seed', models.BigIntegerField()),
                ('reward', models.FloatField()),
                ('by_dimension', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compared', to='library.item')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='library.prompt')),
                ('comparison', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='made', to='mpo.modelcomparison')),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='mpo.mporun')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('comparison', 'run', 'prompt', 'index'), name='compared_item_once', nulls_distinct=False)],
            },
        ),
    ]
