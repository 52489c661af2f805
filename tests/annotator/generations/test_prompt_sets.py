"""Prompt sets: read from text, tables and JSON Lines; whole or not at all; what is wrong is told by row."""

import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.core.errors import ConflictError, ProblemError
from annotator.generations import queries, services
from annotator.generations.models import PromptSet
from annotator.generations.prompts import MOST_CHARACTERS, from_texts, read_prompts
from annotator.library.models import Prompt
from annotator.library.services import record_prompt
from tests.annotator.generations.generating import ask, make_prompt_set


def texts_of(prompt_set: PromptSet) -> list[str]:
    return [member.prompt.text for member in queries.members(prompt_set)]


def notes(rows: list) -> list[tuple[int, str]]:
    return [(note.row, note.code) for note in rows]


class TestReading:
    def test_lines_with_their_trouble(self) -> None:
        text = f"a red disc\n\n  a red disc \nthe sea\r\n{'x' * (MOST_CHARACTERS + 1)}\nnul \0 here\n"
        found = read_prompts(text)
        assert found.prompts == ["a red disc", "the sea"]
        assert notes(found.left_out) == [(2, "empty"), (3, "duplicate")]
        assert notes(found.unusable) == [(5, "too_long"), (6, "bad_character")]
        assert "the same prompt as in row 1" in str(found.left_out[1])
        assert found.in_words() == (
            "2 prompts. 1 repeated prompt was left out (row 3). "
            "1 empty row was left out (row 2). "
            "2 unusable rows were left out (rows 5, 6)."
        )

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("prompt\na\nb\n", ""),
            ("id;Text\n1;a\n2;b\n", "Text"),
            ('id,caption\n1,"a"\n2,b\n', ""),
            ("wish\ttext\nx\ta\ny\tb", ""),
        ],
    )
    def test_columns_are_found_or_named(self, table: str, column: str) -> None:
        assert read_prompts(b"\xef\xbb\xbf" + table.encode(), "csv", column).prompts == ["a", "b"]

    def test_a_table_may_hold_commas_and_line_breaks(self) -> None:
        found = read_prompts('prompt,n\n"a, b\nc",1\nd,2,3\n', "csv")
        assert found.prompts == ["a, b\nc"]
        assert notes(found.unusable) == [(2, "wrong_cell_count")]

    @pytest.mark.parametrize(
        ("content", "kind", "column", "code"),
        [
            ("wish,id\na,1\n", "csv", "", "no_column"),
            ("prompt\na\n", "csv", "Wish", "no_column"),
            ("\na\n", "csv", "", "no_header"),
            ('prompt\n"a\n', "csv", "", "bad_csv"),
            (b"a\n\xff\n", "txt", "", "bad_encoding"),
            ("ab".encode("utf-16")[:-1], "txt", "", "bad_encoding"),
            ("a", "pdf", "", "no_format"),
        ],
    )
    def test_what_cannot_be_used_at_all(self, content: str | bytes, kind: str, column: str, code: str) -> None:
        with pytest.raises(ProblemError) as refused:
            read_prompts(content, kind, column)
        assert refused.value.code == code

    def test_json_lines(self) -> None:
        lines = ['{"prompt": "a", "id": 1}', '"b"', "", '{"text": "c"}', "{", '{"id": 1}', "3", '{"prompt": null}']
        found = read_prompts("\n".join(lines) + '\n"\\ud800"', "jsonl")
        assert found.prompts == ["a", "b", "c"]
        assert notes(found.left_out) == [(3, "empty"), (8, "empty")]
        assert notes(found.unusable) == [(5, "bad_json"), (6, "no_column"), (7, "not_text"), (9, "bad_character")]
        assert read_prompts(lines[0], "jsonl", "id").unusable[0].code == "not_text"

    def test_keys_are_found_as_columns_are(self) -> None:
        lines = '{"Prompt": "a"}\n{"TEXT ": "b"}\n{"PROMPT": "c", "Prompt": "d"}'
        found = read_prompts(lines, "jsonl")
        assert found.prompts == ["a", "b"]
        assert notes(found.unusable) == [(3, "ambiguous_column")]
        assert read_prompts(lines, "jsonl", "prompt").prompts == ["a"]

    @given(st.lists(st.text(max_size=30), max_size=12))
    def test_every_row_is_accounted_for(self, texts: list[str]) -> None:
        found = from_texts(texts)
        assert len(found.prompts) + len(found.left_out) + len(found.unusable) == len(texts)
        assert len({*found.prompts}) == len(found.prompts)
        assert all(prompt == prompt.strip() != "" for prompt in found.prompts)


@pytest.mark.django_db
class TestSets:
    def test_a_set_keeps_its_order_and_finds_prompts_again(self, django_assert_max_num_queries: Callable) -> None:
        known = record_prompt("b")
        texts = [*"zyxwvutsrq", "b", *"ponmlkji"]
        with django_assert_max_num_queries(8):
            made = services.create_prompt_set(name=" Letters ", prompts=texts)
        assert made.name == "Letters"
        assert texts_of(made) == texts
        assert made.members.get(prompt=known).position == 10
        assert Prompt.objects.count() == len(texts)

    def test_nothing_is_written_where_something_is_wrong(self) -> None:
        found = from_texts(["a", "b" * 3000])
        with pytest.raises(ProblemError, match="row 2: 3,000 characters") as refused:
            services.import_prompts(name="x", found=found)
        assert refused.value.details["rows"] == [
            {"row": 2, "code": "too_long", "message": "3,000 characters exceed the limit of 2,000."}
        ]
        for prompts, name in (([], "x"), (["a"], " ")):
            with pytest.raises(ProblemError):
                services.create_prompt_set(name=name, prompts=prompts)
        assert not Prompt.objects.exists()
        made = services.import_prompts(name="x", found=found, leave_out=True)
        assert texts_of(made) == ["a"]
        with pytest.raises(ConflictError, match="already"):
            services.create_prompt_set(name="x", prompts=["never seen"])
        assert Prompt.objects.count() == 1

    def test_files_hold_the_set(self) -> None:
        made = make_prompt_set(prompts=["one", "two\nlines", "三"])
        assert b"".join(queries.written(made, "txt")).decode() == "one\ntwo lines\n三\n"
        rows = [json.loads(line) for line in b"".join(queries.written(made, "jsonl")).splitlines()]
        assert [row["prompt"] for row in rows] == ["one", "two\nlines", "三"]
        assert read_prompts(b"".join(queries.written(made, "jsonl")), "jsonl").prompts == texts_of(made)

    def test_a_set_in_use_stays(self, pipelines: object) -> None:
        made = make_prompt_set()
        ask(made)
        with pytest.raises(ConflictError, match="was used in"):
            services.delete_prompt_set(prompt_set=made)
        assert made.members.count() == 3


@pytest.mark.django_db
class TestPages:
    @pytest.fixture
    def admin(self, client: Client, make_user: Callable[..., User]) -> Client:
        client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_made_by_text_and_by_file(self, admin: Client) -> None:
        address = reverse("generations:prompt-set-create")
        answer = admin.post(address, {"name": "Pasted", "text": "a\r\nb\r\n\r\na\r\n"}, follow=True)
        page = answer.content.decode()
        assert "2 prompts. 1 repeated prompt was left out (row 4). 1 empty row was left out (row 3)." in page
        assert "No generations for these prompts yet." in page
        file = SimpleUploadedFile("wishes.csv", b"wish,n\nc,1\nd,2\n")
        answer = admin.post(address, {"name": "Table", "file": file, "column": "wish"})
        assert answer.status_code == 302
        assert texts_of(PromptSet.objects.get(name="Table")) == ["c", "d"]
        page = admin.get(reverse("generations:prompt-sets")).content.decode()
        assert "Pasted" in page
        assert "Table" in page

    def test_what_is_wrong_stands_at_its_field(self, admin: Client) -> None:
        address = reverse("generations:prompt-set-create")
        make_prompt_set("Taken")

        def said(**form: object) -> str:
            answer = admin.post(address, {"name": "New", "text": "", **form})
            assert answer.status_code == 422
            return str(answer.content.decode())

        assert "Enter prompts or choose a file." in said()
        assert "not both" in said(text="a", file=SimpleUploadedFile("a.txt", b"a"))
        assert "is not a list of prompts" in said(file=SimpleUploadedFile("a.pdf", b"a"))
        assert "A prompt set called “Taken” already exists" in said(name="Taken", text="a")
        assert "It contains no prompts." in said(text="\n\n", file=SimpleUploadedFile("a.txt", b"\n"))
        assert "Name one of them" in said(file=SimpleUploadedFile("a.csv", b"x,y\n1,2\n"))
        page = said(text="fine\n" + "x" * 3000)
        assert "1 row cannot be used; nothing was added" in page
        assert "3,000 characters exceed the limit" in page
        assert not Prompt.objects.filter(text="fine").exists()
        assert admin.post(address, {"name": "New", "text": "fine\n" + "x" * 3000, "leave_out": "on"}).status_code == 302

    def test_downloaded_and_deleted(self, admin: Client) -> None:
        made = make_prompt_set("Birds & bees")
        answer = admin.get(reverse("generations:prompt-set-download", args=[made.pk, "txt"]))
        assert b"".join(answer.streaming_content).decode().count("\n") == 3
        assert answer["Content-Disposition"] == f'attachment; filename="prompts-{made.pk}-birds-bees.txt"'
        assert admin.get(reverse("generations:prompt-set-download", args=[made.pk, "xml"])).status_code == 404
        assert admin.post(reverse("generations:prompt-set-delete", args=[made.pk])).status_code == 302
        assert not PromptSet.objects.exists()

    def test_reviewers_only_look(self, client: Client, make_user: Callable[..., User]) -> None:
        made = make_prompt_set()
        client.force_login(make_user("rita", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
        page = client.get(reverse("generations:prompt-set", args=[made.pk])).content.decode()
        assert "a red disc" in page
        assert "Delete" not in page
        for address in (reverse("generations:prompt-set-create"), reverse("generations:generate")):
            assert client.get(address).status_code == 403
        assert client.post(reverse("generations:prompt-set-delete", args=[made.pk])).status_code == 403
        client.force_login(make_user("ann"), backend="django.contrib.auth.backends.ModelBackend")
        for address in ("/mpo/prompt-sets/", f"/mpo/prompt-sets/{made.pk}/", "/api/v1/prompt-sets/"):
            assert client.get(address).status_code == 403


@pytest.mark.django_db
class TestApi:
    def test_made_looked_at_and_deleted(self, api: APIClient) -> None:
        answer = api.post("/api/v1/prompt-sets/", {"name": "Birds", "prompts": ["a wren", "", "a wren", "a kite"]})
        assert answer.status_code == 201, answer.json()
        made = answer.json()
        assert (made["prompt_count"], made["created_by"]) == (2, "root")
        assert [(note["row"], note["code"]) for note in made["left_out"]] == [(2, "empty"), (3, "duplicate")]
        assert api.get(answer["Location"]).json()["name"] == "Birds"
        prompts = api.get(f"/api/v1/prompt-sets/{made['id']}/prompts/").json()["results"]
        assert [(row["position"], row["text"]) for row in prompts] == [(0, "a wren"), (1, "a kite")]
        file = api.get(f"/api/v1/prompt-sets/{made['id']}/download/jsonl/")
        assert len(b"".join(file.streaming_content).splitlines()) == 2
        again = api.post("/api/v1/prompt-sets/", {"name": "Birds", "prompts": ["x"]})
        assert (again.status_code, again.json()["code"]) == (409, "name_taken")
        assert api.delete(f"/api/v1/prompt-sets/{made['id']}/").status_code == 204

    def test_made_from_a_file(self, api: APIClient) -> None:
        file = SimpleUploadedFile("a.csv", b"wish;n\nc;1\nd;2;3\n")
        form = {"name": "T", "file": file, "kind": "csv", "column": "wish"}
        refused = api.post("/api/v1/prompt-sets/upload/", form, format="multipart")
        assert refused.status_code == 400
        assert refused.json()["code"] == "unusable_rows"
        assert refused.json()["rows"][0]["row"] == 2
        file.seek(0)
        made = api.post("/api/v1/prompt-sets/upload/", form | {"leave_out": True}, format="multipart")
        assert made.status_code == 201
        assert made.json()["prompt_count"] == 1
