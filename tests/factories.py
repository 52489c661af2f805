"""Real little things for tests: prompts, generators, and items with a real file behind them.

Needs the fixtures ``db`` and ``files`` (which gives the test a media folder of its own).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import tempfile
from pathlib import Path

import av
import numpy as np
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignItem, ChecklistVersion, Judgment
from annotator.campaigns.services import create_campaign
from annotator.campaigns.services.checklists import store_checklist
from annotator.library import services
from annotator.library.models import Generator, Item, MediaType, Prompt
from annotator.rewards.models import RewardModel, Score
from reward_engine.checklist import builtin
from reward_engine.reward import reward, soft_values
from reward_engine.weights import Weights, equal_weights

_number = itertools.count(1)


def make_prompt(text: str | None = None) -> Prompt:
    return services.record_prompt(text or f"A red kite over the sea, number {next(_number)}")


def make_generator(
    name: str | None = None, version: str = "", parameters: dict[str, object] | None = None
) -> Generator:
    return services.record_generator(name or f"generator-{next(_number)}", version, parameters)


def write_image(path: Path, *, width: int = 96, height: int = 64, seed: int | None = None, **save: object) -> Path:
    """A picture with coarse colored patches; another one for each seed. Its format follows the extension."""
    rng = np.random.default_rng(next(_number) if seed is None else seed)
    patches = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    patches.resize((width, height), Image.Resampling.BICUBIC).save(path, **save)  # type: ignore[arg-type]
    return path


def write_video(
    path: Path,
    *,
    width: int = 64,
    height: int = 48,
    frames: int = 10,
    rate: int = 10,
    seed: int | None = None,
    codec: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of a moving patchwork; another one for each seed. The container follows the extension."""
    rng = np.random.default_rng(next(_number) if seed is None else seed)
    base = np.asarray(
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BOX)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = codec or ("libvpx-vp9" if path.suffix == ".webm" else "libx264")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * index, axis=1)), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_item(
    media_type: str = MediaType.IMAGE,
    *,
    prompt: Prompt | str | None = None,
    generator: Generator | str | None = None,
    seed: int | None = None,
    width: int = 96,
    height: int = 64,
    **fields: object,
) -> Item:
    """An item with a real picture or clip in the store. ``fields`` go to the item (license, extra, batch …)."""
    with tempfile.TemporaryDirectory() as folder:
        if media_type == MediaType.VIDEO:
            path = write_video(Path(folder) / "clip.mp4", width=width, height=height, seed=seed)
        else:
            path = write_image(Path(folder) / "picture.png", width=width, height=height, seed=seed)
        facts = services.store_media(path, path.name)
    item, _ = services.record_item(
        facts=facts,
        prompt=prompt if isinstance(prompt, Prompt) else make_prompt(prompt),
        generator=generator if isinstance(generator, Generator) else make_generator(generator),
        **{"file_name": path.name, **fields},  # type: ignore[arg-type]
    )
    return item


def make_bare_items(
    n: int,
    media_type: str = MediaType.IMAGE,
    *,
    prompt: str = "A prompt with the number {}",
    generator: Generator | None = None,
    **fields: object,
) -> list[Item]:
    """Items as rows only, without files, each with a prompt of its own (``{}``: its number) and its own sha256."""
    generator = generator or Generator.objects.get_or_create(name="test", version="", parameters_sha256="")[0]
    made = []
    for _ in range(n):
        number = next(_number)
        values = {"width": 64, "height": 48, "size_bytes": 1, "extension": "png", "mime_type": "image/png"} | fields
        made.append(
            Item.objects.create(
                media_type=media_type,
                prompt=Prompt.objects.create(text=prompt.format(number)),
                generator=generator,
                sha256=hashlib.sha256(str(number).encode()).hexdigest(),
                **values,
            )
        )
    return made


_built_in = functools.cache(builtin)  # reading the file again for each test would take most of its time


def built_in_checklist(media_type: str) -> ChecklistVersion:
    """The checklist that ships for this media type, kept as a version."""
    return store_checklist(checklist=_built_in(media_type))[0]


def make_reward_model(media_type: str = MediaType.IMAGE, **fields: object) -> RewardModel:
    """A promoted version with the built-in checklist and equal weights, as a row: it has no files to score with."""
    version = built_in_checklist(media_type)
    weights = equal_weights(checklist_of(version)).coef.tolist()
    number = RewardModel.objects.filter(media_type=media_type).count() + 1
    values = {"checklist_version": version, "version": number, "state": "promoted", "path": "", "weights": weights}
    return RewardModel.objects.create(media_type=media_type, **(values | fields))


def make_score(reward_model: RewardModel, item: Item, p_yes: float | list[float] | NDArray[np.float64]) -> Score:
    """What the version says of the item where its judge said ``p_yes`` (one number: the same to every question)."""
    checklist = checklist_of(reward_model.checklist_version)
    p = np.broadcast_to(np.asarray(p_yes, dtype=np.float64), (1, len(checklist.questions)))
    weights = Weights(np.asarray(reward_model.weights), reward_model.intercept)
    found = reward(soft_values(p, checklist), checklist, weights)
    return Score.objects.create(
        item=item, reward_model=reward_model, p_yes=p[0].tolist(), reward=float(found.reward[0]),
        by_dimension=found.by_dimension[0].tolist(),
    )  # fmt: skip


def make_annotations(campaign: Campaign, answers: list[tuple[Item, User, dict[str, int]]]) -> list[Assignment]:
    """Submitted annotations with these levels, as rows; the counts of the campaign's items follow."""
    items = {found.item_id: found for found in campaign.campaign_items.all()}
    now = timezone.now()
    assignments = Assignment.objects.bulk_create(
        Assignment(campaign_item=items[item.pk], annotator=annotator, state="submitted", lease_expires_at=now,
                   submitted_at=now)
        for item, annotator, _ in answers
    )  # fmt: skip
    Judgment.objects.bulk_create(
        Judgment(assignment=assignment, sub_dimension=sub, level=level, milliseconds=1000 + 10 * index)
        for assignment, (_, _, levels) in zip(assignments, answers, strict=True)
        for index, (sub, level) in enumerate(levels.items())
    )
    for item, _, _ in answers:
        found = items[item.pk]
        found.submitted, found.open_slots = found.submitted + 1, max(found.open_slots - 1, 0)
    CampaignItem.objects.bulk_update(items.values(), ["submitted", "open_slots"])
    return assignments


def make_annotated_campaign(
    items: list[Item], annotators: list[User], *, error_rate: float = 0.3, seed: int = 0, **fields: object
) -> Campaign:
    """A campaign in which everybody has judged every item: a random truth an item, missed by a level now and then."""
    version = built_in_checklist(items[0].media_type)
    values = {"name": f"Campaign {next(_number)}", "overlap": len(annotators), "state": "open"} | fields
    campaign = create_campaign(checklist_version=version, items=items, **values)
    subs = checklist_of(version).ordinal
    lowest, highest = np.array([(sub.lowest, sub.highest) for sub in subs]).T
    rng = np.random.default_rng(seed)
    answers = []
    for item in items:
        truth = rng.integers(lowest, highest + 1)
        for annotator in annotators:
            slip = (rng.random(len(subs)) < error_rate) * rng.choice((-1, 1), len(subs))
            said = np.clip(truth + slip, lowest, highest).tolist()
            answers.append((item, annotator, dict(zip([sub.id for sub in subs], said, strict=True))))
    make_annotations(campaign, answers)
    return campaign
