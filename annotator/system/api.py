"""How the platform is, for programs of admins."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.accounts.roles import IsAdmin
from annotator.core import figures
from annotator.system.overview import overview
from annotator.system.problems import ERROR, WARNING, problems
from annotator.system.storage import STORAGE


class ProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs, such as no_worker.")
    severity = serializers.ChoiceField(choices=[ERROR, WARNING])
    text = serializers.CharField(help_text="What is wrong.")
    remedy = serializers.CharField(help_text="What to do.")


class DatabaseSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    size_bytes = serializers.IntegerField()
    connections = serializers.IntegerField()
    most_connections = serializers.IntegerField(help_text="What the server allows.")


class BrokerSerializer(serializers.Serializer[Any]):
    answers = serializers.BooleanField()
    version = serializers.CharField()
    milliseconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField()


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    waiting = serializers.IntegerField()
    oldest_seconds = serializers.FloatField(allow_null=True, help_text="How long the oldest waiting job has waited.")
    running = serializers.DictField(child=serializers.IntegerField(), help_text="Kind of job → jobs that run.")
    workers = serializers.IntegerField(allow_null=True, help_text="That live; null while the broker does not answer.")


class DoingSerializer(serializers.Serializer[Any]):
    task = serializers.CharField()
    job = serializers.CharField(allow_blank=True, help_text="The job's id; empty for a task without one.")


class GpuSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    name = serializers.CharField()
    used_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()
    busy = serializers.FloatField(allow_null=True, help_text="0..1; null where the driver does not say.")


class WorkerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_alive = serializers.BooleanField()
    queues = serializers.ListField(child=serializers.CharField())
    processes = serializers.IntegerField()
    version = serializers.CharField()
    started_at = serializers.FloatField(help_text="Seconds since the epoch.")
    said_at = serializers.FloatField(help_text="When it last said that it lives, in seconds since the epoch.")
    doing = DoingSerializer(many=True)
    gpus = GpuSerializer(many=True)


class DiskSerializer(serializers.Serializer[Any]):
    folder = serializers.CharField()
    free_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()


class BackupSerializer(serializers.Serializer[Any]):
    is_automatic = serializers.BooleanField()
    every_seconds = serializers.FloatField()
    made_at = serializers.DateTimeField(allow_null=True, help_text="Of the newest one.")


class SlowQuerySerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    calls = serializers.IntegerField()
    mean_ms = serializers.FloatField()
    total_seconds = serializers.FloatField()


class StorageSerializer(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True, help_text="Null until a worker has looked.")
    used_bytes = serializers.DictField(child=serializers.IntegerField(), help_text="Folder → bytes of its files.")
    slowest_queries = SlowQuerySerializer(many=True, allow_null=True, help_text="Null without pg_stat_statements.")


class SystemSerializer(serializers.Serializer[Any]):
    problems = ProblemSerializer(many=True, help_text="What is wrong, errors first; empty when all is well.")
    version = serializers.CharField()
    started_at = serializers.DateTimeField(help_text="Of the web server.")
    database = DatabaseSerializer()
    pending_migrations = serializers.IntegerField()
    broker = BrokerSerializer()
    sweep_age_seconds = serializers.FloatField(allow_null=True, help_text="Since beat's sweep for lost jobs last ran.")
    queues = QueueSerializer(many=True)
    workers = WorkerSerializer(many=True, allow_null=True, help_text="Null while the broker does not answer.")
    disks = DiskSerializer(many=True)
    backup = BackupSerializer()
    storage = StorageSerializer()


class SystemView(APIView):
    permission_classes = (IsAdmin,)

    @extend_schema(responses=SystemSerializer)
    def get(self, request: Request) -> Response:
        """How the platform is: problems, database, broker, workers, queues, disks, backups. For admins."""
        found = overview()
        storage = figures.latest(STORAGE, "all")
        value = storage.value or {}
        said = {
            **{name: getattr(found, name) for name in found.__dataclass_fields__},
            "problems": problems(found),
            "storage": {
                "computed_at": storage.made_at,
                "used_bytes": value.get("used", {}),
                "slowest_queries": value.get("slowest"),
            },
        }
        return Response(SystemSerializer(said).data)
