"""Prometheus, its alerts and the dashboard: valid, and about metrics that we export."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from annotator.core.metrics import OWN
from annotator.jobs.models import Queue
from annotator.jobs.worker_signals import gpu_metrics
from annotator.system.metrics import GAUGES
from annotator.system.problems import HARDLY_FREE, LITTLE_FREE, SWEEP_LATE_SECONDS
from tests.deploy.test_compose import COMPOSE, SERVICES

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())


def exported() -> set[str]:
    """The names of samples: a histogram has several, a counter ends with _total."""
    names = set(GAUGES) | {metric.name for metric in gpu_metrics()}
    for metric in OWN.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(metric.type, [""])
        names |= {metric.name + end for end in ends}
    return names


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])


def test_rules_and_dashboard_ask_for_metrics_that_we_export() -> None:
    asked = {name for text in expressions() for name in re.findall(r"\bvisionreward_\w+", text)}
    assert len(asked) > 15
    assert asked <= exported()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert {rule["alert"] for rule in RULES} >= {
        "QueueStuck", "WorkerMissing", "RequestErrors", "DiskNearlyFull", "BackupTooOld",
    }  # fmt: skip
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert all(rule["annotations"][part].endswith(".") for part in ("summary", "description")), rule["alert"]
    text = {rule["alert"]: rule["expr"] for rule in RULES}
    assert f"< {LITTLE_FREE:g} *" in text["DiskNearlyFull"]
    assert f"< {HARDLY_FREE:g} *" in text["DiskFull"]
    assert text["SweepsLate"].endswith(f"> {SWEEP_LATE_SECONDS:g}")


def test_the_dashboards_panels_lie_side_by_side_and_have_ids_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    [source] = yaml.safe_load((FOLDER / "grafana-datasource.yml").read_text())["datasources"]
    assert {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]} == {
        source["uid"]
    }


def test_prometheus_finds_every_program_at_the_address_that_compose_gives_it() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    assert jobs["web"]["static_configs"] == [{"targets": ["web:8000"]}]
    [found] = jobs["workers"]["dns_sd_configs"]
    assert set(found["names"]) == {name for name in SERVICES if name.startswith("worker-")}
    assert len(found["names"]) > len(Queue.values)
    for name in found["names"]:
        assert SERVICES[name]["environment"]["WORKER_METRICS_PORT"] == str(found["port"])
        assert "inside" in SERVICES[name]["networks"]


def test_monitoring_is_a_profile_with_pinned_images_and_files_that_exist() -> None:
    for name in ("prometheus", "grafana"):
        service = SERVICES[name]
        assert service["profiles"] == ["monitoring"]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        for config in service["configs"]:
            assert (FOLDER.parents[1] / COMPOSE["configs"][config["source"]]["file"]).is_file()
    [credentials] = re.findall(r"credentials_file: (\S+)", (FOLDER / "prometheus.yml").read_text())
    assert f"> {credentials}" in SERVICES["prometheus"]["command"][0]


def test_promtool_finds_nothing_in_the_rules() -> None:
    if not (promtool := shutil.which("promtool")):
        pytest.skip("needs promtool")
    done = subprocess.run(
        [promtool, "check", "rules", FOLDER / "alerts.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
