"""Simplified Chinese: the texts are there, compiled, and keep their placeholders; pages and messages speak it."""

import ast
import gettext as gettext_module
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation.template import templatize

from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import ChecklistVersion, SkipReason
from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages
from annotator.jobs.services import enqueue, run_job
from reward_engine.checklist import builtin, dumps

FOLDER = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES"
STRING = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
MARKED = re.compile(rf"\b(_|gettext|ngettext)\(\s*u?({STRING})")
SCRIPT_CALL = re.compile(rf"\bn?gettext\(\s*({STRING})(?:,\s*({STRING}))?")
DOMAINS = ("django", "djangojs")  # texts of code and templates; texts of the pages' scripts
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
PROBLEMS = {"AuthenticationFailed", "Http404", "PermissionDenied", "RowNote", "ValidationError", "_Bad"}
PLACEHOLDER = re.compile(r"%\(\w+\)[\d.]*[sdf]|\{\w+\}|</?\w+>|%%")


@pytest.fixture(autouse=True)
def _language_as_before() -> Iterator[None]:
    """A page leaves its language active in this thread; the tests that follow must not read it."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


def written(domain: str = "django") -> dict[str, tuple[str, str]]:
    """msgid → (the text whose placeholders count, its translation), as the .po file has it."""
    found = {}
    for block in (FOLDER / f"{domain}.po").read_text(encoding="utf-8").split("\n\n"):
        fields: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            if match := re.match(r"(msg\w+(?:\[0\])?) (.*)", line):
                field, text = match.groups()
                fields[field] = ast.literal_eval(text)
            elif line.startswith('"'):
                fields[field] += ast.literal_eval(line)
        if fields.get("msgid"):
            said = fields["msgstr"] if "msgstr" in fields else fields["msgstr[0]"]
            found[fields["msgid"]] = (fields.get("msgid_plural", fields["msgid"]), said)
    return found


def marked() -> set[str]:
    """Every text that templates and code mark for translation."""
    found = set()
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        for _function, text in MARKED.findall(templatize(path.read_text(encoding="utf-8"))):
            found.add(ast.literal_eval(text))
    for path in (settings.BASE_DIR / "annotator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in MARKS
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(node.args[0].value)
    return found


def scripts() -> Iterator[tuple[Path, str]]:
    """Our scripts without their comments."""
    for path in (settings.BASE_DIR / "static" / "js").rglob("*.js"):
        yield path, re.sub(r"(?m)^\s*//.*$|\s// .*$", "", path.read_text(encoding="utf-8"))


def marked_in_scripts() -> set[str]:
    return {ast.literal_eval(text) for _, source in scripts() for text, _ in SCRIPT_CALL.findall(source)}


def unmarked_in_script(source: str) -> list[str]:
    """Sentences in strings that do not go through ``gettext`` or ``ngettext``."""
    rest = SCRIPT_CALL.sub("", source)
    return re.findall(r"""["'`][A-Z][a-z]+ [a-z][^"'`]*["'`]""", rest)


def problem_makers(tree: ast.Module) -> set[str]:
    """Names of the errors that people read, and of this module's functions that return one."""
    names = set(PROBLEMS)
    waiting = [ProblemError]
    while waiting:
        one = waiting.pop()
        names.add(one.__name__)
        waiting += one.__subclasses__()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) in names:
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names if alias.name in ("refused", "refusal")}
    return names


def unmarked(source: str) -> list[tuple[int, str]]:
    """(line, text) of every sentence that goes into such an error without being marked for translation."""
    tree = ast.parse(source)
    makers = problem_makers(tree)
    found = []

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            return
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.Subscript):
            look(node.value)
            return
        elif isinstance(node, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.Dict, ast.List)):
            # Values that go into a marked text are names and numbers.
            marked_text = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
            for child in [node.left] if marked_text else ast.iter_child_nodes(node):
                look(child)
            return
        else:
            return
        if re.search(r"[A-Za-z]{2,} [A-Za-z“]|[a-z]\.$", text):
            found.append((node.lineno, text))

    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):  # what a job says when it has ended
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "message":
                    look(value)
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in makers:
            for argument in node.args:
                look(argument)
        elif name == "stage" and node.args and isinstance(node.args[0], ast.Constant):
            found.append((node.lineno, node.args[0].value))
        elif name == "enqueue":
            for keyword in node.keywords:
                if keyword.arg == "title":
                    look(keyword.value)
    return found


@pytest.mark.parametrize(
    "source",
    [
        'raise ProblemError("There is no such item.", code="no_item")',
        'raise ConflictError(f"{name} is in use.")',
        'raise ProblemError("There is " + gettext("no item."))',
        'raise ProblemError(gettext("Fine.") if fine else f"Not {fine} at all.")',
        'raise serializers.ValidationError({"name": "Choose another name."})',
        'def _refused(text) -> ProblemError: ...\nraise _refused("Choose fewer.")',
        'enqueue(kind=KIND, title=f"Export “{campaign.name}”"[:200])',
        'run.stage("Scoring", 3)',
        'return {"message": f"{n} prompts have no pairs.", "n": n}',
    ],
)
def test_an_unmarked_error_is_seen(source):
    assert unmarked(source)


def test_a_marked_error_is_not_seen():
    source = 'raise ProblemError(gettext("%(n)s is too much.") % {"n": f"{n} of all"}, code="bad option")'
    assert not unmarked(source)


def test_every_error_that_people_read_is_marked():
    found = []
    for path in (settings.BASE_DIR / "annotator").rglob("*.py"):
        for line, text in unmarked(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(settings.BASE_DIR)}:{line}: {text}")
    assert not found, "mark these for translation: " + "; ".join(found)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_text_has_a_translation_with_the_same_placeholders(domain):
    texts = written(domain)
    assert len(texts) > (800 if domain == "django" else 30)
    for text, (model, said) in texts.items():
        assert said.strip(), f"“{text}” is not translated"
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(model)), text


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_compiled_file_says_what_the_written_one_says(domain):
    with (FOLDER / f"{domain}.mo").open("rb") as file:
        compiled = gettext_module.GNUTranslations(file)
    for text, (plural, said) in written(domain).items():
        assert (compiled.gettext(text) if plural == text else compiled.ngettext(text, plural, 5)) == said, text


def test_what_is_marked_is_in_the_file():
    """A text just added may stand in English for a while; not many may."""
    texts = marked()
    assert len(texts) > 800
    lacking = texts - written().keys()
    assert len(lacking) <= len(texts) // 50, f"run makemessages and translate: {sorted(lacking)}"


def test_what_scripts_say_is_marked_and_in_the_file():
    assert marked_in_scripts() == written("djangojs").keys()
    assert unmarked_in_script('say("The server is away."); say(gettext("Try again."))') == ['"The server is away."']
    assert not {path.name: found for path, source in scripts() if (found := unmarked_in_script(source))}


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "text"), [("zh-hans", "正在重试"), ("en", "gettext"), ("fr", "gettext")])
def test_scripts_get_their_texts_from_a_file_that_may_be_kept(client, language, text):
    page = client.get("/accounts/login/", headers={"accept-language": language}).content.decode()
    address = re.search(r'<script src="(/i18n/texts/[^"]+)" defer>', page)[1]
    assert page.index(address) < page.index('type="module"'), "the texts come before the scripts"
    assert "<script>" not in page
    answer = client.get(address, headers={"accept-language": "de"})
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
    assert json.dumps(text)[1:-1] in answer.content.decode()
    assert client.get("/i18n/texts/xx-0.js").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("accepts", "language", "heading"), [("zh-CN", "zh-hans", "登录"), ("fr", "en", "Sign in")])
def test_a_page_speaks_the_language_of_the_browser(client, accepts, language, heading):
    page = client.get("/accounts/login/", headers={"accept-language": accepts}).content.decode()
    assert f'<html lang="{language}"' in page
    assert f"<h1>{heading}</h1>" in page


@pytest.mark.django_db
def test_the_choice_in_the_menu_wins_over_the_browser(client):
    client.post("/i18n/setlang/", {"language": "zh-hans"})
    page = client.get("/accounts/login/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="zh-hans"' in page


def test_the_reasons_to_skip_are_chinese():
    with translation.override("zh-hans"):
        assert not [label for label in SkipReason.labels if str(label).isascii()]
    with translation.override("en"):
        assert SkipReason.BROKEN.label == "The media does not load or play"


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_a_stored_checklist_is_read_in_a_language_and_stays_itself(media_type):
    built_in = builtin(media_type)
    version = ChecklistVersion(content_hash=built_in.content_hash, source=dumps(built_in))
    chinese = checklist_in(version, "zh-hans")
    assert chinese.sub_dimension("safety").name == "安全"
    assert chinese.content_hash == checklist_of(version).content_hash == built_in.content_hash
    assert checklist_in(version, "en") is checklist_of(version)
    assert checklist_in(version, None) is checklist_of(version)


def test_a_job_speaks_the_language_of_whoever_looks(db, program, make_user, monkeypatch):
    monkeypatch.setattr("annotator.jobs.services.current_app.send_task", lambda *args, **kwargs: None)
    with translation.override("zh-hans"):
        job = enqueue(
            kind="tests.texts",
            title=in_all_languages(lambda: ngettext("%(n)s item", "%(n)s items", 2) % {"n": 2}),
            requested_by=(ann := make_user("ann")),
        )

    def work(run):
        run.stage(gettext_noop("Scoring"), 2)
        if run.job.attempts > 1:
            raise ProblemError(gettext("The prompt set has no prompts."))
        return {"message": in_all_languages(lambda: gettext("It is promoted.")), "n": 2}

    run_job(str(job.pk), work)
    api = program(user=ann)
    english = api.get(f"/api/v1/jobs/{job.pk}/", headers={"accept-language": "en"}).json()
    assert (english["title"], english["stage"]) == ("2 items", "Scoring")
    assert english["result"] == {"message": "It is promoted.", "n": 2}
    chinese = api.get(f"/api/v1/jobs/{job.pk}/", headers={"accept-language": "zh-hans"}).json()
    texts = [chinese["title"], chinese["stage"], chinese["result"]["message"]]
    assert texts == ["2 个样本", "评分中", "已上线。"]
    # What fails is said in the language of whoever asked: an error is made once.
    job.__class__.objects.filter(pk=job.pk).update(state="queued")
    run_job(str(job.pk), work)
    job.refresh_from_db()
    assert job.error == written()["The prompt set has no prompts."][1]


@pytest.mark.django_db
def test_scripts_of_an_admin_without_a_second_factor_have_their_texts(client, make_user, settings):
    settings.ADMIN_SECOND_FACTOR = True
    client.force_login(make_user("root", role="admin"))
    assert client.get("/i18n/texts/zh-hans-0.js").status_code == 200
