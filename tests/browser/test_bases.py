"""Base models in the browser: found, registered, watched while they are checked, and refused in red."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job
from annotator.jobs.services import run_job
from annotator.rewards import services
from annotator.rewards.models import BaseModel
from reward_engine.errors import ArtifactError
from tests.annotator.rewards.bases import make_folder, stand_in

pytestmark = pytest.mark.django_db(transaction=True)


def check_beside(job: Job) -> None:
    """Run a check in a thread of its own, as a worker beside the browser's thread does."""

    def work() -> None:
        run_job(str(job.pk), services.check_base)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_an_admin_registers_a_base_model_and_reads_what_the_check_found(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    look: Callable[..., None],
) -> None:
    settings.VLM_ROOTS, settings.VLMS_FROM_HUB = [tmp_path], True
    make_folder(tmp_path)
    make_folder(tmp_path, "of-others/llava-interleave-7b")
    inspection = stand_in(monkeypatch)
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/rewards/")
    page.get_by_role("link", name="Base models").click()
    expect(page.get_by_text("No base model is registered yet")).to_be_visible()
    page.get_by_label("Folder").select_option("qwen2-vl-2b")
    page.get_by_role("button", name="Register and check").click()
    expect(page.get_by_role("heading", name="qwen2-vl-2b")).to_be_visible()
    expect(page.get_by_text("Checking", exact=True)).to_be_visible()
    job = BaseModel.objects.get().job
    assert job is not None
    check_beside(job)
    # The page follows its job by itself.
    expect(page.get_by_text("Check results")).to_be_visible()
    expect(page.get_by_text("questions in one pass")).to_be_visible()
    look(page, "base-model")

    inspection.error = ArtifactError(
        "llava-interleave-7b: the weights are pickled (pytorch_model.bin), and opening a pickle runs what its author "
        "put into it. Convert them to safetensors where they come from, or download the safetensors version.",
        code="pickle",
    )  # fmt: skip
    page.get_by_role("link", name="Base models").click()
    page.get_by_label("Folder").select_option("of-others/llava-interleave-7b")
    page.get_by_role("button", name="Register and check").click()
    expect(page.get_by_text("Checking", exact=True)).to_be_visible()
    refused = BaseModel.objects.get(name__contains="llava").job
    assert refused is not None
    check_beside(refused)
    expect(page.get_by_role("alert")).to_contain_text("Convert them to safetensors")
    look(page, "base-model-refused")
    page.get_by_role("link", name="Base models").click()
    expect(page.get_by_role("cell", name="packed")).to_be_visible()
    look(page, "base-models")
    page.get_by_role("link", name="Load published files").click()
    look(page, "published-files")
