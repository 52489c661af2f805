"""A whole platform's rows, written by PostgreSQL itself: as many as one likes, in seconds. Files there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import AutoField, BigAutoField, Field, Model, UUIDField

MOST_IN_A_LIST = 1000
"""Rows of the tables whose lists people make: jobs, imports, campaigns, runs. Items and answers have no such end."""
ANNOTATORS = 60
OVERLAP = 3
REPORT = {"family": "tiny", "parameters": 10**9, "dtype": "bfloat16", "memory_bytes": 2**31, "way": "packed",
          "largest_difference": 1e-6, "probe_items": 4, "probe_questions": 8, "tested": True}  # fmt: skip


@dataclass
class Filled:
    """``known``: ids by a name, for addresses. ``users``: by role."""

    known: dict[str, object] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)


def insert(model: type[Model], n: int, _rows: str = "", **values: object) -> int:
    """Insert n rows; returns the first id.

    ``values``: by the name of a field, SQL of ``g`` (0 … n − 1), or a plain value of another type than text.
    ``_rows``: SQL of a table to select from instead, with a column ``g``. Fields not named get their default.
    """
    table, key = model._meta.db_table, model._meta.pk
    counted = isinstance(key, AutoField | BigAutoField)
    columns, given, parameters = [], [], []
    with connection.cursor() as cursor:
        first = 0
        if counted:
            cursor.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")
            first = cursor.fetchone()[0]
            columns, given = ["id"], [f"{first} + g"]
        for one in model._meta.concrete_fields:
            if one.primary_key and counted:
                continue
            sql, bound = _value(one, values)
            columns.append(connection.ops.quote_name(one.column))
            given.append(sql)
            parameters += bound
        rows = _rows.replace("%", "%%") or f"generate_series(0, {n - 1}) AS g"
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(given)} FROM {rows}", parameters)
        if counted:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    return first


def _value(one: Field[Any, Any], values: Mapping[str, object]) -> tuple[str, list[object]]:
    kind = one.db_type(connection)
    name = one.name if one.name in values else one.attname
    if name in values:
        value = values[name]
        if isinstance(value, str):
            return f"({value})::{kind}".replace("%", "%%"), []  # of SQL's remainder, not of a parameter
        return f"%s::{kind}", [one.get_db_prep_save(value, connection)]
    if getattr(one, "auto_now", False) or getattr(one, "auto_now_add", False):
        return "now()", []
    if isinstance(one, UUIDField):
        return "gen_random_uuid()", []
    if one.db_type(connection) == "timestamp with time zone" and one.has_default():
        return "now()", []
    default = one.get_default() if one.has_default() else (None if one.null else "")
    return f"%s::{kind}", [one.get_db_prep_save(default, connection)]


def fill(items: int) -> Filled:
    """Fill an empty, migrated database: so many images and annotations, three of each of the first third of images."""
    from annotator.campaigns.models import Assignment, HumanComparison

    many = min(items, MOST_IN_A_LIST)
    filled = Filled()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # no look at each row's references
        _everything(filled, items, many)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    # Addresses name these by what nobody can guess.
    for name, model in (("assignment", Assignment), ("human-comparison", HumanComparison)):
        filled.known[name] = model._default_manager.values_list("token", flat=True).get(pk=filled.known[name])
    return filled


def _everything(filled: Filled, items: int, many: int) -> None:
    _people(filled, many)
    _library(filled, items, many)
    _annotations(filled, items, many)
    _rewards(filled, items, many)
    _pairs(filled, items, many)
    _comparisons(filled, items, many)


def _people(filled: Filled, many: int) -> None:
    from annotator.accounts.models import ApiToken, AuditEvent, Invitation, Role, User

    first = insert(User, many, username="'person-' || g", password="'!'", is_active=True)
    filled.known["annotator"] = first
    groups = {role: Group.objects.get_or_create(name=role)[0] for role in (*Role.values,)}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user_groups (user_id, group_id) SELECT id, %s FROM accounts_user",
            [groups[Role.ANNOTATOR].pk],
        )
    filled.users["annotator"] = User.objects.get(pk=first)
    for role in (Role.ADMIN, Role.REVIEWER):
        user = User.objects.create(username=f"one-{role}", password="!")
        user.groups.add(groups[role])
        filled.users[str(role.value)] = user
    admin = filled.users["admin"].pk
    insert(ApiToken, many, user=str(admin), name="'token ' || g", token_hash="md5(g::text) || md5('x' || g)",
           prefix="'vr_' || g", scopes=["read"])  # fmt: skip
    insert(Invitation, many, code_hash="md5(g::text) || md5('x' || g)", invited_by=str(admin),
           expires_at="now() + interval '1 day'")  # fmt: skip
    insert(AuditEvent, many, actor=str(admin), actor_name="'one-admin'", action="'roles.set'", subject="'person ' || g")


def _library(filled: Filled, items: int, many: int) -> None:
    from annotator.jobs.models import Job
    from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt

    known = filled.known
    insert(
        Job, many, kind="'library.import_media'", title="jsonb_build_object('en', 'Import ' || g)",
        state="CASE WHEN g % 50 = 0 THEN 'failed' "
        "ELSE 'succeeded' END", created_at="now() - g * interval '1 minute'", finished_at="now()",
        requested_by=str(filled.users["admin"].pk),
    )  # fmt: skip
    known["job"] = Job.objects.values_list("pk", flat=True).first()
    batch = known["batch"] = insert(ImportBatch, many, name="'Batch ' || g", rows=1, imported=1, finished_at="now()")
    insert(ImportProblem, many, batch=str(batch), row="g", code="'corrupt'", message="'The file is broken.'")
    prompt = known["prompt"] = insert(
        Prompt, max(items // 4, 1), text="'A red kite over the sea, number ' || g || ', ' || md5(g::text)",
        text_sha256="md5(g::text) || md5('p' || g)",
    )  # fmt: skip
    generator = insert(Generator, 6, name="'maker-' || g / 2", version="g::text", parameters_sha256="md5(g::text)")
    known["generator"] = generator
    known["item"] = insert(
        Item, items, media_type="'image'", prompt=f"{prompt} + least(g / 4, {max(items // 4, 1) - 1})",
        generator=f"{generator} + g % 6", sha256="md5(g::text) || md5('i' || g)", extension="'jpg'",
        mime_type="'image/jpeg'", size_bytes="20000 + g", width=512, height=512, license="'CC-BY-' || g % 3",
        source="'a benchmark'", external_id="'x' || g", file_name="g || '.jpg'", batch=f"{batch} + g % {many}",
        view="''",
    )  # fmt: skip


def _annotations(filled: Filled, items: int, many: int) -> None:
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.models import (
        Assignment,
        Campaign,
        CampaignItem,
        ChecklistVersion,
        Flag,
        Judgment,
        JudgmentChange,
    )
    from annotator.campaigns.services import load_builtin_checklists
    from annotator.datasets.models import DatasetVersion
    from annotator.trust.models import Adjudication, AnnotatorStanding, KnownAnswers, TrustPolicy

    known, people = filled.known, min(many, ANNOTATORS) // OVERLAP * OVERLAP
    load_builtin_checklists()
    version = ChecklistVersion.objects.filter(media_type="image").order_by("-pk").first()
    assert version is not None
    known["checklist"] = version.pk
    checklist = checklist_of(version)
    campaign = known["campaign"] = insert(
        Campaign, many, name="'Campaign ' || g", media_type="'image'", checklist_version=str(version.pk),
        state="CASE WHEN g < 10 THEN 'open' ELSE 'closed' END", overlap=OVERLAP,
        created_at="now() - g * interval '1 hour'",
    )  # fmt: skip
    done = items // OVERLAP
    row = known["row"] = insert(
        CampaignItem, items, campaign=str(campaign), item=f"{known['item']} + g", needed=OVERLAP,
        open_slots=f"CASE WHEN g < {done} THEN 0 ELSE {OVERLAP} END", submitted=f"CASE WHEN g < {done} "
        f"THEN {OVERLAP} ELSE 0 END", random_key="random()",
    )  # fmt: skip
    insert(CampaignItem, many - 1, campaign=f"{campaign} + 1 + g", item=str(known["item"]), needed=OVERLAP,
           open_slots=OVERLAP, random_key="random()")  # fmt: skip
    n = done * OVERLAP
    # Three people an item, other ones each time; the first of them is the one who looks at the pages.
    annotator = f"{known['annotator']} + (g % {OVERLAP}) * {people // OVERLAP} + (g / {OVERLAP}) % {people // OVERLAP}"
    assignment = known["assignment"] = insert(
        Assignment, n, campaign_item=f"{row} + g / {OVERLAP}", annotator=annotator, state="'submitted'",
        leased_at="now() - g * interval '1 second' - interval '2 minutes'", lease_expires_at="now()",
        submitted_at="now() - g * interval '1 second'", counted=True, suggestions=None,
    )  # fmt: skip
    _judgments(Judgment, JudgmentChange, checklist, assignment, n)
    insert(Flag, many, assignment=f"{assignment} + g % {n}", item=f"{known['item']} + (g % {n}) / {OVERLAP}",
           reason="'unclear'", sub_dimension="'question ' || g", note="'What is this?'", outcome="''")  # fmt: skip
    known["flag"] = Flag.objects.values_list("pk", flat=True).first()
    insert(TrustPolicy, 1, campaign=str(campaign), overlap_max=5)
    insert(AnnotatorStanding, people, campaign=str(campaign), annotator=f"{known['annotator']} + g", state="'active'")
    insert(KnownAnswers, min(done, 20), campaign_item=f"{row} + g", levels={checklist.ordinal[0].id: 1})
    sub = checklist.ordinal[0]
    insert(Adjudication, done // 50 + 1, campaign_item=f"{row} + g", sub_dimension=f"'{sub.id}'", level=sub.lowest,
           adjudicator=str(filled.users["reviewer"].pk))  # fmt: skip
    known["dataset"] = insert(DatasetVersion, many, campaign=str(campaign), version="g + 1", path="'datasets/x' || g",
                              annotations=n, items=done)  # fmt: skip


def _judgments(judgments: Any, changes: Any, checklist: Any, assignment: int, n: int) -> None:
    """Levels that three people agree on in three answers of four."""
    subs = checklist.sub_dimensions
    listed = ", ".join(f"({i}, '{s.id}', {min(s.scores)}, {len(s.scores)})" for i, s in enumerate(subs))
    source = (
        f"(SELECT a * {len(subs)} + number AS g, {assignment} + a AS assignment, sub, "
        f"lowest + abs(hashint4((CASE WHEN abs(hashint4(a * 31 + number)) % 4 = 0 THEN a ELSE a / {OVERLAP} END) * 17 "
        f"+ number)) % size AS level FROM generate_series(0, {n - 1}) AS a, (VALUES {listed}) AS "
        "s(number, sub, lowest, size)) AS made"
    )
    total = n * len(subs)
    insert(judgments, total, source, assignment="assignment", sub_dimension="sub", level="level",
           milliseconds="900 + g % 4000")  # fmt: skip
    insert(changes, total, source, assignment="assignment", sub_dimension="sub", level="level",
           idempotency_key="'key-' || sub", sequence="1")  # fmt: skip


def _rewards(filled: Filled, items: int, many: int) -> None:
    from annotator.campaigns.checklists import checklist_of
    from annotator.campaigns.models import ChecklistVersion
    from annotator.rewards.models import BaseModel, RetrainingPolicy, RewardModel, Score

    known = filled.known
    checklist = checklist_of(ChecklistVersion.objects.get(pk=known["checklist"]))
    questions, dimensions = len(checklist.questions), len(checklist.dimensions)
    weights = [1.0 / questions] * questions
    versions = min(many, 30)
    model = known["model"] = insert(
        RewardModel, versions, media_type="'image'", version="g + 1", checklist_version=str(known["checklist"]),
        state="CASE WHEN g = 0 THEN 'promoted' ELSE 'candidate' END", weights=weights, path="''", judge="'probe'",
    )  # fmt: skip
    known["base"] = insert(BaseModel, many, name="'base-' || g", state="'ready'", report=REPORT)
    known["policy"] = insert(RetrainingPolicy, 1, checklist_version=str(known["checklist"]), judge="'probe'",
                             after_annotations=200)  # fmt: skip
    p_yes = f"(SELECT array_agg(0.5 + 0.49 * sin(g * 0.37 + q)) FROM generate_series(1, {questions}) AS q)"
    parts = f"(SELECT array_agg(0.1 * sin(g * 0.11 + d)) FROM generate_series(1, {dimensions}) AS d)"
    for which, n in ((0, items), (1, items // 2)):
        first = insert(Score, n, item=f"{known['item']} + g", reward_model=str(model + which), p_yes=p_yes,
                       reward="sin(g * 0.013) + 0.1 * sin(g * 7.7)", by_dimension=parts)  # fmt: skip
        known.setdefault("score", first)


def _pairs(filled: Filled, items: int, many: int) -> None:
    from annotator.generations.models import GeneratedItem, GenerationSet, PromptSet, PromptSetMember
    from annotator.mpo.models import ComparedItem, ModelComparison, MpoRun, PairSet, PreferencePair

    known = filled.known
    prompts = max(items // 4, 1)
    # Of prompts with four items each, the first of two is the winner.
    pair_set = known["pair-set"] = insert(
        PairSet, many, name="'Pairs ' || g", reward_model=str(known["model"]), items=items, prompts=prompts,
        pairs_count=items // 2, ready_at="now()",
    )  # fmt: skip
    known["pair"] = insert(
        PreferencePair, items // 2, pair_set=str(pair_set), prompt=f"{known['prompt']} + least(g / 2, {prompts - 1})",
        winner=f"{known['item']} + 2 * g", loser=f"{known['item']} + 2 * g + 1", winner_reward="1.0",
        reward_gap="random()", gap_by_dimension=[0.1] * 5,
    )  # fmt: skip
    prompt_set = known["prompt-set"] = insert(PromptSet, many, name="'Prompts ' || g")
    # A large set, and small ones beside it.
    insert(PromptSetMember, prompts, prompt=f"{known['prompt']} + g", position="g",
           prompt_set=f"{prompt_set} + CASE WHEN g < 2000 THEN 0 ELSE g % {many} END")  # fmt: skip
    generation = known["generation"] = insert(
        GenerationSet, many, name="'Generation ' || g", prompt_set=f"{prompt_set} + g", media_type="'image'",
        per_prompt=4, pipeline="'tiny'", source="'pipeline'",
    )  # fmt: skip
    insert(GeneratedItem, items, item=f"{known['item']} + g",
           prompt=f"{known['prompt']} + least(g / 4, {prompts - 1})", index="g", seed="g",
           generation_set=f"{generation} + CASE WHEN g < 8000 THEN 0 ELSE g % {many} END")  # fmt: skip
    run = known["run"] = insert(
        MpoRun, many, name="'Run ' || g", pair_set=str(pair_set), pipeline="'tiny'", pipeline_class="'Flux'",
        pipeline_fingerprint="'x'", path="'mpo/none'", settings={"steps": 100}, trained_pairs=10, held_out_pairs=2,
        finished_at="now()",
    )  # fmt: skip
    comparison = known["comparison"] = insert(
        ModelComparison, many, name="'Comparison ' || g", reward_model=str(known["model"]), per_prompt=1, path="''",
        prompt_set=str(prompt_set),
    )  # fmt: skip
    insert(ComparedItem, prompts, comparison=str(comparison), run=str(run), prompt=f"{known['prompt']} + g", index=0,
           seed="g", item=f"{known['item']} + g", reward="0.5", by_dimension=[0.1] * 5)  # fmt: skip


def _comparisons(filled: Filled, items: int, many: int) -> None:
    from annotator.campaigns.models import Campaign, ComparisonPair, HumanComparison

    known = filled.known
    campaign = known["comparing"] = insert(
        Campaign, 1, name="'Comparing'", kind="'comparing'", media_type="'image'", state="'open'", overlap=OVERLAP,
        checklist_version=str(known["checklist"]),
    )  # fmt: skip
    n = items // 4
    pair = insert(ComparisonPair, n, campaign=str(campaign), first=f"{known['item']} + 4 * g",
                  second=f"{known['item']} + 4 * g + 1", needed=2, submitted="1", open_slots="1")  # fmt: skip
    people = min(many, ANNOTATORS)
    known["human-comparison"] = insert(
        HumanComparison, n, pair=f"{pair} + g", annotator=f"{known['annotator']} + g % {people}", state="'submitted'",
        leased_at="now()", lease_expires_at="now()", submitted_at="now()", swapped="g % 2 = 0",
        preference="CASE WHEN g % 5 = 0 THEN 'tie' WHEN g % 3 = 0 THEN 'left' ELSE 'right' END",
    )  # fmt: skip
