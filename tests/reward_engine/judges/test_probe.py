"""The embedded judge on disk and behind its interface: exact, whole, and refused where anything is not as written."""

import json
import shutil
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from reward_engine import WRITTEN_BY
from reward_engine.calibration import Calibration, QuestionCalibration
from reward_engine.errors import ArtifactError, DataError, JudgeError, WeightsError
from reward_engine.features import Features
from reward_engine.judges import Judge, MediaInput
from reward_engine.judges import artifact as artifacts
from reward_engine.judges.probe import ProbeJudge, names_hash
from reward_engine.training import train_probe
from reward_engine.weights import Weights, equal_weights
from tests.reward_engine.training.planted import planted, small_checklist


@pytest.fixture(scope="module")
def data():
    return planted(prompts=8, per_prompt=3)


@pytest.fixture(scope="module")
def judge(data):
    result = train_probe(data.checklist, data.table, data.levels, data.groups, seed=1)
    count = len(data.checklist.questions)
    weights = Weights(np.linspace(0.1, 0.7, count), intercept=1 / 3, form="fitted", notes=("a note",))
    return ProbeJudge.from_training(result, extractor_version="1-abc", snapshot="snapshot-7", weights=weights)


@pytest.fixture
def folder(judge, tmp_path):
    judge.save(tmp_path / "model")
    return tmp_path / "model"


@dataclass
class Extractor:
    """Stands in for the networks: hands out rows of a table by key."""

    values: np.ndarray
    names: tuple
    version: str = "1-abc"
    broken: dict = field(default_factory=dict)

    def extract(self, items, progress=None, canceled=None):
        good = [item for item in items if item.key not in self.broken]
        if progress:
            progress(len(items), len(items))
        rows = self.values[[int(item.key) for item in good]]
        return Features(tuple(item.key for item in good), rows, self.names, {}, self.broken)


def rewrite(folder, change):
    path = folder / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_a_saved_judge_comes_back_exactly(data, judge, folder):
    back = ProbeJudge.load(folder, checklist=data.checklist, extractor_version="1-abc")
    np.testing.assert_array_equal(back.predict_features(data.values), judge.predict_features(data.values))
    np.testing.assert_array_equal(back.weights.coef, judge.weights.coef)
    assert replace(back.weights, coef=judge.weights.coef) == judge.weights
    assert (back.version, back.extractor_version) == (judge.version, "1-abc")
    assert back.checklist.content_hash == data.checklist.content_hash
    assert back.record == judge.record
    assert back.metrics["training"]["items"] == 24
    assert ProbeJudge.load(folder).checklist.content_hash == data.checklist.content_hash


def test_the_manifest_names_the_software_that_wrote_it(folder):
    assert json.loads((folder / artifacts.MANIFEST).read_text())["written_by"] == WRITTEN_BY


def test_a_calibration_is_kept_with_the_heads_and_applied(data, judge, tmp_path):
    questions = tuple(QuestionCalibration(question.id, slope=0.5, offset=0.1) for question in data.checklist.questions)
    found = Calibration(data.checklist.content_hash, "platt", questions)
    calibrated = replace(judge, calibration=found)
    plain = judge.predict_features(data.values)
    expected = found.apply(data.checklist, plain).astype(np.float32)
    np.testing.assert_array_equal(calibrated.predict_features(data.values), expected)
    assert calibrated.version != judge.version
    calibrated.save(tmp_path / "calibrated")
    back = ProbeJudge.load(tmp_path / "calibrated", checklist=data.checklist)
    np.testing.assert_array_equal(back.predict_features(data.values), expected)
    assert (back.calibration, back.version) == (found, calibrated.version)
    rewrite(tmp_path / "calibrated", lambda manifest: manifest["calibration"]["questions"][0].update(slope=0.0))
    with pytest.raises(ArtifactError, match="out of range"):
        ProbeJudge.load(tmp_path / "calibrated")


def test_the_manifest_says_where_the_model_comes_from(data, judge, folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["snapshot"] == "snapshot-7"
    assert manifest["seed"] == 1
    assert manifest["media_type"] == "image"
    assert manifest["checklist"]["content_hash"] == data.checklist.content_hash
    assert manifest["features"] == {"version": "1-abc", "names_sha256": names_hash(data.names)}
    assert manifest["metrics"]["sub_dimensions"].keys() == {sub.id for sub in data.checklist.ordinal}
    assert "fitted anew on all items" in manifest["metrics"]["training"]["note"]
    assert {"numpy", "scipy", "python"} <= manifest["libraries"].keys()
    assert sorted(path.name for path in folder.iterdir()) == ["heads.safetensors", "manifest.json"]
    assert "coef" in load_file(folder / "heads.safetensors")


def test_equal_weights_until_there_are_others(data, judge):
    result = train_probe(data.checklist, data.table, data.levels, data.groups, seed=1)
    plain = ProbeJudge.from_training(result, extractor_version="1-abc", snapshot="s")
    np.testing.assert_array_equal(plain.weights.coef, equal_weights(data.checklist).coef)
    assert plain.version == judge.version  # the weights make rewards, not answers
    with pytest.raises(WeightsError):
        ProbeJudge.from_training(result, extractor_version="1", snapshot="s", weights=Weights(np.ones(2)))


def test_it_is_a_judge_and_answers_through_an_extractor(data, judge, tmp_path):
    assert isinstance(judge, Judge)
    assert judge.name == "probe"
    able = replace(judge, extractor=Extractor(data.values, data.names, broken={"2": "it is torn"}))
    items = [MediaInput(str(i), "image", tmp_path / f"{i}.png") for i in (5, 2, 0)]
    seen = []
    found = able.predict(items, progress=lambda done, total: seen.append((done, total)))
    assert found.keys == ("5", "0")
    assert found.errors == {"2": "it is torn"}
    np.testing.assert_array_equal(found.p_yes, judge.predict_features(data.values[[5, 0]]))
    assert found.p_yes.dtype == np.float32
    assert seen == [(3, 3)]
    assert able.predict([]).p_yes.shape == (0, len(data.checklist.questions))


@pytest.mark.parametrize("change", [{"version": "2-def"}, {"names": ("other",) * 430}])
def test_features_of_another_version_are_refused(data, judge, change):
    other = replace(Extractor(data.values, data.names), **change)
    with pytest.raises(JudgeError, match="Train it again") as refused:
        replace(judge, extractor=other).predict([])
    assert refused.value.code == "extractor"


def test_features_that_do_not_fit_are_refused(data, judge):
    with pytest.raises(DataError, match="shape"):
        judge.predict_features(data.values[:, :-1])
    spoilt = data.values.copy()
    spoilt[1, 3] = np.inf
    with pytest.raises(DataError, match="Row 1: feature 3"):
        judge.predict_features(spoilt)


def test_other_heads_are_another_version(judge):
    moved = replace(judge.heads, thresholds=judge.heads.thresholds + 1e-9)
    assert replace(judge, heads=moved).version != judge.version


def test_one_changed_byte_is_noticed(folder):
    path = folder / "heads.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"heads\.safetensors is not what its manifest records") as refused:
        ProbeJudge.load(folder)
    assert refused.value.code == "checksum"


@pytest.mark.parametrize("name", ["heads.safetensors", "manifest.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name} is missing"):
        ProbeJudge.load(folder)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(ArtifactError, match="missing"):
        ProbeJudge.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=99), "the format 99 is unknown"),
        (lambda m: m.update(kind="vlm"), "a “vlm”, where a “probe” is expected"),
        (lambda m: m.pop("weights"), "incomplete or altered"),
        (lambda m: m.update(checklist=[]), "incomplete or altered"),
        (lambda m: m.update(version="0"), "names another version"),
        (lambda m: m["weights"]["coef"].pop(), "needs as many weights"),
        (lambda m: m["checklist"].update(yaml="id: x"), "is missing"),
        (lambda m: m["checklist"].update(content_hash="0"), "the checklist inside was altered"),
        (lambda m: m.pop("sha256"), "not what its manifest records"),
    ],
)
def test_an_altered_manifest_is_refused_in_words(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ArtifactError, match=message):
        ProbeJudge.load(folder)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"manifest\.json is not"):
        ProbeJudge.load(folder)


def test_arrays_of_another_checklist_do_not_pass_even_with_a_right_checksum(judge, tmp_path):
    def spoil(**arrays):
        return replace(judge, heads=replace(judge.heads, **arrays))

    for index, broken in enumerate(
        [
            spoil(thresholds=judge.heads.thresholds[::-1].copy()),  # no ladder any more
            spoil(coef=judge.heads.coef[:-1]),
            spoil(coef=np.full_like(judge.heads.coef, np.nan)),
        ]
    ):
        broken.save(tmp_path / str(index))
        with pytest.raises(ArtifactError, match="do not fit the checklist"):
            ProbeJudge.load(tmp_path / str(index))


def test_another_checklist_is_refused(folder):
    other = small_checklist(text="another name of the dimension")
    with pytest.raises(ArtifactError, match="Train a model for this checklist") as refused:
        ProbeJudge.load(folder, checklist=other)
    assert refused.value.code == "checklist"


def test_another_extractor_is_refused(data, folder):
    with pytest.raises(ArtifactError, match="features of version 1-abc; here they are of version 2-def"):
        ProbeJudge.load(folder, extractor_version="2-def")
    with pytest.raises(ArtifactError, match="2-def"):
        ProbeJudge.load(folder, extractor=Extractor(data.values, data.names, version="2-def"))


def test_a_model_is_never_overwritten(judge, folder):
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(ArtifactError, match="never overwritten"):
        judge.save(folder)
    assert (folder / "manifest.json").read_bytes() == before


def test_a_failed_write_leaves_nothing(judge, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts.os, "fsync", full)
    with pytest.raises(ArtifactError, match="No space left on device"):
        judge.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_be_moved(data, judge, folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    back = ProbeJudge.load(tmp_path / "elsewhere")
    np.testing.assert_array_equal(back.predict_features(data.values), judge.predict_features(data.values))
