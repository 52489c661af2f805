"""Named lists of prompts, and the pictures and clips that were made for them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0001_initial'),
        ('library', '0001_initial'),
        ('mpo', '0002_summary_veto_and_gallery'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PromptSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('description', models.TextField(blank=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='GenerationSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('source', models.CharField(choices=[('pipeline', 'A diffusers pipeline here'), ('external', 'A sampler elsewhere, through the API')], default='pipeline', max_length=10)),
                ('media_type', models.CharField(choices=[('image', 'Image'), ('video', 'Video')], max_length=10)),
                ('per_prompt', models.PositiveIntegerField()),
                ('pipeline', models.CharField(blank=True, help_text='A folder below an allowed one, or a hub id.', max_length=500)),
                ('lora', models.CharField(blank=True, help_text='A safetensors file that the pipeline wears.', max_length=500)),
                ('steps', models.PositiveIntegerField(blank=True, null=True)),
                ('guidance_scale', models.FloatField(blank=True, null=True)),
                ('width', models.PositiveIntegerField(blank=True, null=True)),
                ('height', models.PositiveIntegerField(blank=True, null=True)),
                ('frames', models.PositiveIntegerField(blank=True, null=True)),
                ('seed', models.BigIntegerField(default=0)),
                ('precision', models.CharField(choices=[('auto', 'Automatic: bfloat16 on a GPU that has it, float32 elsewhere'), ('fp32', 'float32'), ('bf16', 'bfloat16'), ('fp16', 'float16')], default='auto', max_length=4)),
                ('batch_size', models.PositiveIntegerField(default=8)),
                ('made_with', models.JSONField(blank=True, default=dict, help_text='What the worker found: pipeline class, fingerprints, precision, device.')),
                ('score_after', models.BooleanField(default=True, help_text='Have the promoted reward model score what was made.')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('generator', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='library.generator')),
                ('job', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='generation_set', to='jobs.job')),
                ('scoring_job', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='jobs.job')),
                ('prompt_set', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='generation_sets', to='mpo.promptset')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='PromptSetMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='library.prompt')),
                ('prompt_set', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='mpo.promptset')),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.AddField(
            model_name='promptset',
            name='prompts',
            field=models.ManyToManyField(related_name='prompt_sets', through='mpo.PromptSetMember', to='library.prompt'),
        ),
        migrations.CreateModel(
            name='GeneratedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('index', models.PositiveIntegerField(help_text='0 … items a prompt − 1.')),
                ('seed', models.BigIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='generated', to='library.item')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='library.prompt')),
                ('generation_set', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='made', to='mpo.generationset')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('generation_set', 'prompt', 'index'), name='generated_item_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='promptsetmember',
            constraint=models.UniqueConstraint(fields=('prompt_set', 'prompt'), name='prompt_set_member_once'),
        ),
        migrations.AddConstraint(
            model_name='promptsetmember',
            constraint=models.UniqueConstraint(fields=('prompt_set', 'position'), name='prompt_set_place_once'),
        ),
    ]
