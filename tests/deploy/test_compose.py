"""docker-compose.yml: everything runs, no secret has a default, and what it sets is what the program reads."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from annotator.core.folders import kept_folders
from annotator.jobs.models import Queue

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
OPTIONAL_SECRETS = {"METRICS_TOKEN", "GRAFANA_PASSWORD"}
"""Of the profile monitoring; empty, nothing is served."""
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?:(:[-?])([^}]*))?\}")


def active(profile: str) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in SERVICES.items() if profile in service.get("profiles", [profile])}


def filled(value: object, values: dict[str, str]) -> str:
    """A value as compose reads it. Fails where a variable that must be set is not."""

    def replace(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if values.get(name):
            return values[name]
        assert operator == ":-", f"{name} must be set"
        return str(rest)

    return VARIABLE.sub(replace, str(value))


@pytest.fixture(scope="module")
def env_file() -> dict[str, str]:
    """What deploy/make_env writes."""
    done = subprocess.run(
        [ROOT / "deploy" / "make_env", "annotate.example.org"], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_every_part_of_the_platform_is_a_service() -> None:
    assert {"database", "broker", "migrate", "web", "worker-default", "beat", "proxy"} <= SERVICES.keys()
    assert re.match(r"postgres:1[5-9]", SERVICES["database"]["image"])
    assert SERVICES["broker"]["image"].startswith("valkey/valkey:")


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_every_queue_has_one_worker_with_and_without_a_gpu(profile: str) -> None:
    queues = [
        queue
        for service in active(profile).values()
        for found in re.findall(r"--queues (\S+)", str(service.get("command")))
        for queue in found.split(",")
    ]
    assert sorted(queues) == sorted(Queue.values)


def test_the_gpu_is_asked_for_by_the_gpu_profile_alone() -> None:
    wanted = {
        name
        for name, service in SERVICES.items()
        if service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
    }
    assert wanted == {"worker-gpu", "worker-mpo"}
    for name in wanted:
        [device] = SERVICES[name]["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]
        assert SERVICES[name]["profiles"] == ["gpu"]
    assert "profiles" not in SERVICES["worker-default"]


def test_no_secret_has_a_default_and_none_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name, operator, rest in VARIABLE.findall(text):
        if name in SECRETS:
            assert operator == ":?", f"{name} may be left out"
        if name in OPTIONAL_SECRETS:
            assert not rest, f"{name} has a default"
    for line in (ROOT / ".env.example").read_text().splitlines():
        name, _, value = line.partition("=")
        assert name not in SECRETS | OPTIONAL_SECRETS or value == ""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|AUTH|TOKEN", name):
                assert VARIABLE.fullmatch(str(value)), f"{name} is written down"


def test_made_secrets_are_long_and_new_each_time(env_file: dict[str, str]) -> None:
    again = subprocess.run([ROOT / "deploy" / "make_env", "x"], capture_output=True, text=True, check=True).stdout
    for name in SECRETS | OPTIONAL_SECRETS:
        assert re.fullmatch("[0-9a-f]{64}", env_file[name])
        assert env_file[name] not in again
    assert subprocess.run([ROOT / "deploy" / "make_env"], capture_output=True, check=False).returncode == 1


def test_every_variable_is_explained_and_the_needed_ones_are_made(env_file: dict[str, str]) -> None:
    example = (ROOT / ".env.example").read_text()
    for name, operator, _rest in VARIABLE.findall((ROOT / "docker-compose.yml").read_text()):
        if name != "TAG":
            assert re.search(rf"^#?{name}=", example, re.MULTILINE), f"{name} is not in .env.example"
        if operator == ":?":
            assert env_file.get(name), f"deploy/make_env does not make {name}"
    assert env_file["COMPOSE_PROFILES"] == "cpu"


def test_long_running_services_come_back_and_are_looked_after() -> None:
    for name, service in SERVICES.items():
        if name == "migrate":
            assert service["restart"] == "no"
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"]["max-size"], name
        if name != "beat":  # it has nothing to answer with; a beat that ends is started again
            assert service["healthcheck"]["test"], name


def test_the_program_runs_as_nobody_special_and_keeps_its_data_in_volumes() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for stage in dockerfile.split("\nFROM ")[2:]:
        assert "\nUSER 10001:10001" in stage
    for name, service in SERVICES.items():
        if "build" in service:
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0] if isinstance(volume, str) else volume.get("source")
            assert source is None or source in COMPOSE["volumes"], f"{name}: {volume}"
    assert "media:/srv/media:ro" in SERVICES["proxy"]["volumes"]


def test_what_the_program_writes_lies_in_volumes_that_web_server_and_workers_share(settings: Any) -> None:
    places = dict(re.findall(r"(\w+_ROOT)=(/\S+)", (ROOT / "Dockerfile").read_text()))
    settings.MEDIA_ROOT, settings.ARTIFACT_ROOT = places["MEDIA_ROOT"], places["ARTIFACT_ROOT"]
    written = [*kept_folders().values(), Path("/srv/backups")]
    for name in ("web", "worker-default"):
        mounted = [Path(volume.split(":")[1]) for volume in SERVICES[name]["volumes"] if isinstance(volume, str)]
        for place in written:
            assert any(place.is_relative_to(mount) for mount in mounted), f"{name}: {place} is in no volume"
    caddy = (ROOT / "deploy" / "Caddyfile").read_text()
    assert f"{{$MEDIA_FOLDER:{places['MEDIA_ROOT']}}}" in caddy  # the media, and not the uploads beside them


def test_only_the_proxy_is_reached_from_outside_and_only_after_the_migrations() -> None:
    reached = {
        name
        for name, service in SERVICES.items()
        if any(not port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    }
    assert reached == {"proxy"}
    assert COMPOSE["networks"]["inside"]["internal"]
    for name in ("database", "broker", "web"):
        assert SERVICES[name]["networks"] == ["inside"]
    for name, service in SERVICES.items():
        if name.startswith(("web", "worker", "beat")):
            assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully", name
    assert SERVICES["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"


def read_by_the_program() -> set[str]:
    names: set[str] = set()
    for path in (ROOT / "annotator").rglob("*.py"):
        text = path.read_text()
        names |= set(re.findall(r"env\.\w+\(\s*\"(\w+)\"", text))
        names |= set(re.findall(r"environ(?:\.get)?[\[(]\"(\w+)\"", text))
    return names


def test_what_compose_sets_is_read_by_the_program() -> None:
    for name in ("web", "worker-default", "worker-gpu", "beat", "migrate"):
        unknown = SERVICES[name]["environment"].keys() - read_by_the_program()
        assert not unknown, f"{name} sets what nobody reads: {unknown}"


def test_every_setting_is_in_the_operations_manual() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    settings = set(re.findall(r"env\.\w+\(\s*\"(\w+)\"", (ROOT / "annotator" / "settings.py").read_text()))
    missing = {name for name in settings if f"`{name}`" not in manual}
    assert not missing


def test_djangos_own_check_for_deployment_is_clean_under_these_settings(env_file: dict[str, str]) -> None:
    env = {name: filled(value, env_file) for name, value in SERVICES["web"]["environment"].items()}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], cwd=ROOT, capture_output=True,
        text=True, env={"PATH": os.environ["PATH"], **env, "LOG_LEVEL": "WARNING"}, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_compose_itself_takes_the_file(env_file: dict[str, str], tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("needs `docker compose` (it needs no engine for this)")
    (tmp_path / ".env").write_text("\n".join(f"{name}={value}" for name, value in env_file.items()))
    for profile in ("cpu", "gpu", "monitoring"):
        done = subprocess.run(
            [docker, "compose", "--env-file", tmp_path / ".env", "--profile", profile, "config", "--quiet"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    if not (hadolint := shutil.which("hadolint")):
        pytest.skip("needs hadolint")
    done = subprocess.run([hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
