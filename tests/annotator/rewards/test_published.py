"""Published files through the page and the terminal: a checklist version, and weights that versions start with."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from annotator.accounts.models import Role
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign, ChecklistVersion
from annotator.core.errors import ProblemError
from annotator.rewards import services
from annotator.rewards.models import PublishedWeights, RewardModel
from annotator.rewards.services import NamedFile
from annotator.rewards.services.published import LARGEST_FILE, weights_for

pytestmark = pytest.mark.django_db

QUESTIONS = b"Is the video clear?\nDoes it show [[prompt]]?\nDoes it move?\n"
WEIGHTS = b"[0.5, 0.25, -0.75]"


def load(questions: bytes = QUESTIONS, weights: bytes | None = WEIGHTS, **options: str) -> services.LoadedFiles:
    return services.load_published(
        media_type=options.get("media_type", "video"),
        questions=NamedFile(options.get("questions_name", "video_questions.txt"), questions),
        weights=None if weights is None else NamedFile(options.get("weights_name", "video_weight.json"), weights),
    )


def test_the_published_files_are_kept_as_they_are(shared: Path) -> None:
    folder = shared / "reference" / "visionreward"
    for media_type, count, alignment in (("image", 30, 2.354), ("video", 29, None)):
        questions, weights = (
            folder / f"{media_type}_{name}" for name in ("questions_select.txt", "weight_select.json")
        )
        loaded = services.load_published(
            media_type=media_type,
            questions=NamedFile(questions.name, questions.read_bytes()),
            weights=NamedFile(weights.name, weights.read_bytes()),
        )
        checklist = checklist_of(loaded.version)
        assert (loaded.version.name, len(checklist.questions)) == (questions.stem, count)
        assert [q.text for q in checklist.questions] == [
            line.strip().replace("[[prompt]]", "{prompt}") for line in questions.read_text().strip().splitlines()
        ]
        assert loaded.weights is not None
        assert loaded.weights.alignment_coef == (pytest.approx(alignment, abs=1e-3) if alignment else None)
        kept = weights_for(loaded.version)
        assert kept is not None
        kept.check(checklist)
        given = json.loads(weights.read_text())
        expected = given["coef"][1:] if alignment else np.array(given) / count
        np.testing.assert_allclose(kept.coef[3 if alignment else 0 :], expected)


def test_files_of_another_set_are_refused_and_nothing_is_kept(shared: Path) -> None:
    folder = shared / "reference" / "visionreward"
    questions, weights = folder / "image_questions.txt", folder / "image_weight.json"
    with pytest.raises(ProblemError, match="55 coefficients, but the questions need 57") as refused:
        services.load_published(
            media_type="image",
            questions=NamedFile(questions.name, questions.read_bytes()),
            weights=NamedFile(weights.name, weights.read_bytes()),
        )
    assert refused.value.details["field"] == "weights"
    assert not ChecklistVersion.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"questions": b""}, "questions", "holds no question"),
        ({"questions": b"a\n\nb"}, "questions", "line 2: this line is empty"),
        ({"questions": b"\xff\xfe"}, "questions", "cannot be read"),
        ({"questions_name": "questions.exe"}, "questions", r"ends in \.txt"),
        ({"questions_name": "a\0b.txt"}, "questions", r"ends in \.txt"),
        ({"questions": b"x" * (LARGEST_FILE + 1)}, "questions", "larger than"),
        ({"weights": b"{"}, "weights", "cannot be read as JSON"),
        ({"weights": b"[1, 2]"}, "weights", "2 coefficients, but the questions need 3"),
        ({"weights": b"[1, 2, NaN]"}, "weights", "not a finite number"),
        ({"media_type": "sound"}, "media_type", "Choose image or video"),
    ],
)
def test_what_is_no_published_file_is_refused_in_words(given: dict, field: str, words: str) -> None:
    with pytest.raises(ProblemError, match=words) as refused:
        load(**given)
    assert refused.value.details["field"] == field
    assert not ChecklistVersion.objects.exists()
    assert not PublishedWeights.objects.exists()


def test_the_same_files_are_kept_once_and_newer_weights_count() -> None:
    first, again = load(), load()
    assert (first.new, again.new) == (True, False)
    assert (again.version, again.weights) == (first.version, first.weights)
    assert weights_for(load(weights=None).version) is not None  # the weights stay
    load(weights=b"[3, 0, 0]")
    kept = weights_for(first.version)
    assert kept is not None
    assert kept.coef.tolist() == [1.0, 0.0, 0.0]
    assert weights_for(load(questions=b"Another one?", weights=None).version) is None


def test_a_version_on_a_published_checklist_starts_with_its_weights(judged: Campaign, run_here: Callable) -> None:
    version = judged.checklist_version
    coef = [float(number) for number in range(len(checklist_of(version).questions))]
    PublishedWeights.objects.create(
        checklist_version=version, coef=coef, intercept=0.5, notes=["As published."], questions_name="q.txt",
        weights_name="w.json", sha256="0" * 64,
    )  # fmt: skip
    result = run_here(services.request_training(campaigns=[judged], score_after=False))
    model = RewardModel.objects.get(pk=result["reward_model"])
    assert (model.weights, model.intercept) == (coef, 0.5)
    assert model.manifest["weights"]["form"] == "published"


def test_the_page_loads_files_and_refuses_at_the_field(sign_in: Callable[[str], Client]) -> None:
    def given(weights: bytes = WEIGHTS) -> dict:
        return {
            "media_type": "video",
            "questions": SimpleUploadedFile("video_questions.txt", QUESTIONS),
            "weights": SimpleUploadedFile("video_weight.json", weights),
        }

    assert sign_in(Role.REVIEWER).get("/rewards/published/").status_code == 403
    client = sign_in(Role.ADMIN)
    assert "/rewards/published/" in client.get("/rewards/bases/").content.decode()
    refused = client.post("/rewards/published/", given(b"[1]"))
    assert refused.status_code == 422
    assert "1 coefficients, but the questions need 3" in refused.content.decode()
    assert client.post("/rewards/published/", {"media_type": "video"}).status_code == 422
    made = client.post("/rewards/published/", given())
    version = ChecklistVersion.objects.get()
    assert made["Location"] == f"/campaigns/checklists/{version.pk}/"
    assert PublishedWeights.objects.get().created_by == client.user
    page = client.get("/rewards/published/").content.decode()
    assert "video_weight.json" in page


def test_the_command_loads_files(tmp_path: Path) -> None:
    questions, weights = tmp_path / "video_questions.txt", tmp_path / "video_weight.json"
    questions.write_bytes(QUESTIONS)
    weights.write_bytes(WEIGHTS)
    out = io.StringIO()
    call_command("load_published", questions, weights, "--media-type", "video", stdout=out)
    assert out.getvalue().strip() == ("video_questions v1 has 3 questions. Its weights are those of video_weight.json.")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_published", tmp_path / "none.txt", "--media-type", "video")
    weights.write_text("[1]")
    with pytest.raises(CommandError, match="1 coefficients"):
        call_command("load_published", questions, weights, "--media-type", "video")
