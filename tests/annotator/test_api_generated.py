"""Requests made up from the API's own description: whatever is sent, the answer is one that the description knows.

Schemathesis makes them, valid ones and broken ones; an admin who may also annotate asks, so that nothing is turned
away at the door, and where there is something to be found, its address leads to it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from annotator.accounts.models import ApiToken, Role, User
from annotator.accounts.services import set_roles
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.services import create_comparison_campaign, flag_item, lease_next_item, lease_next_pair
from annotator.generations.models import GenerationSet
from annotator.generations.services.prompt_sets import create_prompt_set
from annotator.library.models import ImportBatch
from annotator.mpo.models import ModelComparison, MpoRun, PairSet, PreferencePair
from annotator.rewards.models import BaseModel
from annotator.rewards.services.policies import create_policy
from annotator.rewards.services.scoring import request_scoring
from tests.annotator.rewards.bases import REPORT
from tests.factories import make_annotated_campaign, make_item, make_reward_model, make_score

pytestmark = pytest.mark.django_db

EXAMPLES = 4


@pytest.fixture(autouse=True)
def one_connection(db: None) -> Iterator[None]:
    """The application closes its connection behind each request; here it is the test's, and stays."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def root(make_user: Callable[..., User]) -> User:
    user = make_user("root")
    set_roles(user=user, roles=[Role.ADMIN, Role.ANNOTATOR])
    return user


@pytest.fixture
def there(files: Path, root: User, make_user: Callable[..., User]) -> dict[str, object]:
    """One thing of each kind, by the name of its address."""
    item = make_item(prompt="A red kite over the sea")
    campaign = make_annotated_campaign([item], [make_user("ann")], overlap=3)
    assignment = lease_next_item(campaign=campaign, annotator=root)
    assert assignment is not None
    model = make_reward_model()
    other = make_item(prompt=item.prompt)
    pairs = create_comparison_campaign(name="Which kite?", pairs=[(item, other)], state="open", overlap=2)
    comparison = lease_next_pair(campaign=pairs, annotator=root)
    assert comparison is not None
    prompts = create_prompt_set(name="Kites", prompts=["A red kite", "A blue kite"])
    generated = GenerationSet.objects.create(name="Kites, made", prompt_set=prompts, media_type="image", per_prompt=2)
    mined = PairSet.objects.create(name="Pairs", reward_model=model, ready_at=timezone.now())
    pair = PreferencePair.objects.create(
        pair_set=mined, prompt=item.prompt, winner=item, loser=other, winner_reward=0.5, reward_gap=0.1,
        gap_by_dimension=[0.1] * len(checklist_of(model.checklist_version).dimensions),
    )  # fmt: skip
    run = MpoRun.objects.create(name="Run", pair_set=mined, pipeline="sd", pipeline_class="X", path="mpo/none")
    compared = ModelComparison.objects.create(name="Run and start", reward_model=model, path="mpo/compared")
    compared.runs.add(run)
    batch = ImportBatch.objects.create(name="Kites of May", rows=1, rejected=1)
    batch.problems.create(row=1, code="no_file", message="There is no such file.")
    base = BaseModel.objects.create(name="tiny", state="ready", report=REPORT, digest=REPORT["digest"])
    return {
        "base-models": base.pk,
        "comparison-campaigns": pairs.pk,
        "comparisons": comparison.token,
        "generation-sets": generated.pk,
        "imports": batch.pk,
        "model-comparisons": compared.pk,
        "mpo-runs": run.pk,
        "pair-sets": mined.pk,
        "pairs": pair.pk,
        "assignments": assignment.token,
        "campaigns": campaign.pk,
        "checklists": campaign.checklist_version_id,
        "flags": flag_item(token=assignment.token, annotator=root, reason="other", note="odd").pk,
        "generators": item.generator_id,
        "items": item.pk,
        "jobs": str(request_scoring(reward_model=model).pk),
        "prompt-sets": prompts.pk,
        "prompts": item.prompt_id,
        "retraining-policies": create_policy(checklist_version=campaign.checklist_version, judge="probe").pk,
        "reward-models": model.pk,
        "scores": make_score(model, item, 0.7).pk,
    }


def asking(operation: Any, asked_by: dict[str, str], id: object, answered: set[str]) -> Callable[[], None]:
    """Made-up requests for one operation; those that succeed are noted in ``answered``."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: schemathesis.Case) -> None:
        if id is not None and "id" in case.path_parameters:
            case.path_parameters["id"] = id
        response = case.call_and_validate(
            headers=asked_by, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
        )
        if response.status_code < 300:
            answered.add(operation.label)

    return ask


def test_made_up_requests_are_answered_as_described(root: User, there: dict[str, object]) -> None:
    _token, secret = ApiToken.issue(user=root, name="made up")
    asked_by = {"Authorization": f"Bearer {secret}"}
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application(), headers=asked_by)
    operations = [operation.ok() for operation in schema.get_all_operations() if isinstance(operation, Ok)]
    assert len(operations) > 60
    problems: list[str] = []
    answered: set[str] = set()
    for operation in operations:
        try:
            asking(operation, asked_by, there.get(operation.path.split("/")[3]), answered)()
        except (Exception, FailureGroup) as error:
            problems.append(f"{operation.label}: {error}")
    assert not problems, "\n\n".join(problems)
    assert len(answered) > 30, sorted(answered)  # more than refusals was looked at
