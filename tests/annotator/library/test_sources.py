"""Folders and ZIPs are read member by member, and nothing gets out of them."""

import io
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.core.errors import ProblemError
from annotator.library.manifest import ImportOptions, rows
from annotator.library.sources import Limits, check_path, find_manifest, locate, open_source


def make_zip(path: Path, members: dict[str, bytes] | list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return path


def code_of(path: Path, member: str, **limits: int) -> str:
    """ "opened", or the code with which the member is refused."""
    with closing(open_source(path, limits=Limits(**limits))) as source:
        try:
            with source.opened(member):
                return "opened"
        except ProblemError as problem:
            return problem.code


def or_code(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except ProblemError as problem:
        return problem.code


def test_a_member_becomes_a_file_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.bin").write_bytes(b"content")
    for path in (folder, make_zip(tmp_path / "a.zip", {"in/a.bin": b"content"})):
        source = open_source(path)
        assert source.names() == ["in/a.bin"]
        with source.opened("./in//a.bin") as copy:
            assert copy.read_bytes() == b"content"
            assert not copy.is_relative_to(folder)
        assert not copy.exists()
        source.close()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../a.png", "path_climbs"),
        ("a/../../b.png", "path_climbs"),
        ("..", "path_climbs"),
        ("/etc/passwd", "absolute_path"),
        ("C:/a.png", "absolute_path"),
        ("c:a.png", "absolute_path"),
        ("..\\b.png", "path_climbs"),
        ("a\\..\\..\\b.png", "path_climbs"),
        ("\\\\server\\share\\a.png", "absolute_path"),
        ("C:\\a.png", "absolute_path"),
        ("a\nb.png", "bad_path"),
        ("", "bad_path"),
        ("./", "bad_path"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, path: str, code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        check_path(path)
    assert caught.value.code == code
    # A member of that name is not read either, and the good one beside it is.
    if path and not path.endswith("/"):
        archive = make_zip(tmp_path / "a.zip", {path: b"bad", "good.png": b"good"})
        assert code_of(archive, path) == code
        assert code_of(archive, "good.png") == "opened"
    assert code_of(tmp_path, path) == code


@settings(max_examples=120, deadline=None)
@given(st.text(st.sampled_from("ab./\\:é \0~"), max_size=12) | st.text(max_size=20))
def test_a_checked_path_stays_inside(path: str) -> None:
    try:
        plain = check_path(path)
    except ProblemError:
        return
    root = "/root/of/import"
    landed = os.path.normpath(os.path.join(root, plain))
    assert landed.startswith(root + "/")
    assert check_path(plain) == plain
    assert unicodedata.is_normalized("NFC", plain)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(st.sampled_from("ab./\\\0é"), min_size=1, max_size=8), unique=True, max_size=5))
def test_an_archive_of_any_names_opens_and_writes_nothing_beside(tmp_path: Path, names: list[str]) -> None:
    infos = [zipfile.ZipInfo("x") for _ in names]
    for info, name in zip(infos, names, strict=True):
        info.filename = name  # past the constructor, which cuts at NUL
    path = make_zip(tmp_path / "any.zip", [(info, b"x") for info in infos])
    source = open_source(path)
    for name in [*names, *source.names()]:
        try:
            with source.opened(name) as copy:
                assert copy.read_bytes() == b"x"
        except ProblemError:
            pass
    source.close()
    assert os.listdir(tmp_path) == ["any.zip"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.png").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.png").symlink_to(secret / "a.png")
    (folder / "sub").symlink_to(secret)
    assert code_of(folder, "a.png") == "symlink"
    assert code_of(folder, "sub/a.png") == "symlink"
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert code_of(make_zip(tmp_path / "a.zip", [(link, b"/etc/passwd")]), "link.png") == "symlink"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert code_of(tmp_path, "pipe.png") == "not_a_file"


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.png": b"x"})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x03\x04") + 6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert code_of(path, "a.png") == "encrypted"


def test_a_name_that_is_there_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = make_zip(tmp_path / "a.zip", [("a.png", b"one"), ("a.png", b"two"), ("b/../a.png", b"three")])
    assert code_of(path, "a.png") == "duplicate_name"
    assert code_of(make_zip(tmp_path / "b.zip", [("a.png", b"one"), ("./a.png", b"two")]), "a.png") == "duplicate_name"


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.png": b"\0" * 8_000_000})
    assert code_of(path, "a.png") == "compression_bomb"
    assert code_of(path, "a.png", ratio=10_000, member_bytes=1_000_000) == "too_large"


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.png": bytes(range(256)) * 40})
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    assert code_of(path, "a.png") in {"bad_member", "too_large"}


def test_damage(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.png": os.urandom(5000)})
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(ProblemError, match=r"a\.zip is not a ZIP archive or is truncated"):
        open_source(path)
    path.write_bytes(whole[:1000] + b"!!!!" + whole[1004:])
    assert code_of(path, "a.png") == "bad_member"


def test_an_archive_may_unpack_to_50_gib_and_not_to_a_byte_more(tmp_path: Path) -> None:
    """The sizes are what the archive claims: that is all there is to go by before it is unpacked."""
    for more in (0, 1):
        path = tmp_path / f"{more}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(50):
                archive.writestr(f"{number}.png", b"x")
                archive.filelist[number].file_size = 1024**3 + (more if number == 0 else 0)
        if more:
            with pytest.raises(ProblemError, match=r"over the limit of 50\.0 GB") as caught:
                open_source(path)
            assert caught.value.code == "too_large_archive"
        else:
            open_source(path).close()


def test_archives_that_are_too_much_as_a_whole(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{i}.png": b"x" * 100 for i in range(10)})
    for limits, code in ((Limits(members=9), "too_many_files"), (Limits(total_bytes=999), "too_large_archive")):
        with pytest.raises(ProblemError) as caught:
            open_source(path, limits=limits)
        assert caught.value.code == code
    (tmp_path / "folder").mkdir()
    for i in range(10):
        (tmp_path / "folder" / str(i)).touch()
    with pytest.raises(ProblemError, match="more than 9 files"):
        open_source(tmp_path / "folder", limits=Limits(members=9)).names()


def test_missing_files_and_sources(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.png") == "missing_file"
    assert code_of(make_zip(tmp_path / "a.zip", {"b.png": b""}), "a.png") == "missing_file"
    with pytest.raises(ProblemError, match=r"folder or ZIP .* does not exist"):
        open_source(tmp_path / "nowhere")
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    (tmp_path / "empty.zip").write_bytes(empty.getvalue())
    with pytest.raises(ProblemError, match="no manifest"):
        find_manifest(open_source(tmp_path / "empty.zip"))


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["manifest.csv", "other.csv"], "", "manifest.csv"),
        (["set/manifest.jsonl", "set/a/ratings.csv"], "", "set/manifest.jsonl"),
        (["x/ratings.csv", "x/a.png", "__MACOSX/x/._ratings.csv"], "", "x/ratings.csv"),
        (["top.csv", "x/deep.csv"], "", "top.csv"),
        (["a.csv", "b.csv"], "b.csv", "b.csv"),
        (["set/a.csv", "set/b.csv"], "b.csv", "set/b.csv"),
        (["a.csv", "b.csv"], "", "several_manifests"),
        (["manifest.csv", "manifest.jsonl"], "", "several_manifests"),
        (["a.png"], "", "no_manifest"),
        (["a.csv"], "b.csv", "no_manifest"),
        (["a.csv"], "../b.csv", "path_climbs"),
    ],
)
def test_the_manifest_is_found(tmp_path: Path, names: list[str], wanted: str, found: str) -> None:
    source = open_source(make_zip(tmp_path / "a.zip", dict.fromkeys(names, b"x")))
    assert or_code(lambda: find_manifest(source, wanted)) == found


@pytest.mark.parametrize(
    ("path", "folder", "common", "found"),
    [
        ("a.png", "set", (), "set/a.png"),
        ("set/a.png", "set", (), "set/a.png"),
        ("set/a.png", "", ("set",), "set/a.png"),
        ("data/old/a.png", "set", ("data", "old"), "set/a.png"),
        ("data/old/set/a.png", "", ("data", "old"), "set/a.png"),
        ("data/old/a.png", "set", (), "missing_file"),
        ("../a.png", "set", (), "path_climbs"),
    ],
)
def test_paths_are_found_beside_the_manifest_from_the_top_and_behind_a_common_folder(
    tmp_path: Path, path: str, folder: str, common: tuple[str, ...], found: str
) -> None:
    source = open_source(make_zip(tmp_path / "a.zip", {"set/a.png": b"x"}))
    assert or_code(lambda: locate(source, path, folder, common)) == found


def test_a_folder_whose_parts_have_different_forms(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    (tmp_path / composed).mkdir()
    (tmp_path / composed / f"{apart}.png").write_bytes(b"x")
    source = open_source(tmp_path)
    assert source.has(f"{composed}/{composed}.png")
    with source.opened(f"{apart}/{composed}.png") as copy:
        assert copy.read_bytes() == b"x"


def raw_zip(path: Path, members: list[tuple[bytes, bytes]]) -> Path:
    """An archive whose names are these bytes, without the flag that says UTF-8; each with an extra field."""
    infos = []
    for name, extra in members:
        info = zipfile.ZipInfo("x")
        info.filename, info.extra = "n" * len(name), extra
        infos.append((info, b"content"))
    make_zip(path, infos)
    data = path.read_bytes()
    for name, _ in members:
        data = data.replace(b"n" * len(name), name, 2)
    path.write_bytes(data)
    return path


def unicode_path(raw: bytes, name: str) -> bytes:
    content = b"\x01" + zlib.crc32(raw).to_bytes(4, "little") + name.encode()
    return (0x7075).to_bytes(2, "little") + len(content).to_bytes(2, "little") + content


@pytest.mark.parametrize(
    ("raw", "extra", "name", "listed"),
    [
        ("Löwe 猫.png".encode(), b"", "Löwe 猫.png", "Löwe 猫.png"),
        (unicodedata.normalize("NFD", "é.png").encode(), b"", "é.png", "é.png"),
        ("Größe.png".encode("cp437"), b"", "Größe.png", "Größe.png"),
        ("红色的风筝/一只猫.png".encode("gbk"), b"", "红色的风筝/一只猫.png", "红色的风筝/一只猫.png"),
        (b"?.png", unicode_path(b"?.png", "猫.png"), "猫.png", "猫.png"),
        (b"new.png", unicode_path(b"old.png", "猫.png"), "new.png", "new.png"),
        # What neither flag nor build tells is found by the name that the manifest has for it.
        ("кот.png".encode("cp866"), b"", "кот.png", None),
        ("猫の絵.png".encode("shift_jis"), b"", "猫の絵.png", None),
        ("고양이.png".encode("cp949"), b"", "고양이.png", None),
        ("Χαρταετός.png".encode("cp737"), b"", "Χαρταετός.png", None),
        ("Uçurtma ışığı.png".encode("cp857"), b"", "Uçurtma ışığı.png", None),
        ("עפיפון.png".encode("cp862"), b"", "עפיפון.png", None),
        ("طائرة.png".encode("cp1256"), b"", "طائرة.png", None),
        ("ว่าว.png".encode("cp874"), b"", "ว่าว.png", None),
        ("Größe.png".encode("mac_roman"), b"", "Größe.png", None),
        ("Змей.png".encode("koi8_r"), b"", "Змей.png", None),
        ("赤い凧.png".encode("euc_jp"), b"", "赤い凧.png", None),
        (b"in\\a.png", b"", "in/a.png", "in/a.png"),
    ],
)
def test_names_of_all_programs(tmp_path: Path, raw: bytes, extra: bytes, name: str, listed: str | None) -> None:
    with closing(open_source(raw_zip(tmp_path / "a.zip", [(raw, extra)]))) as source:
        assert listed is None or source.names() == [listed]
        with source.opened(locate(source, name, "", ())) as copy:
            assert copy.read_bytes() == b"content"


def test_what_macos_and_windows_leave_is_no_member(tmp_path: Path) -> None:
    litter = [
        "__MACOSX/._a.png",
        ".DS_Store",
        "set/._a.png",
        "set\\Thumbs.db",
        "set/DESKTOP.INI",
        "~$manifest.csv",
        "in\\",
    ]
    path = make_zip(tmp_path / "a.zip", dict.fromkeys([*litter, "set\\a.png"], b"x"))
    with closing(open_source(path)) as source:
        assert source.names() == ["set/a.png"]


def test_a_spreadsheet_in_place_of_a_manifest(tmp_path: Path) -> None:
    source = open_source(make_zip(tmp_path / "a.zip", {"list.xlsx": b"x", "a.png": b"x"}))
    with closing(source), pytest.raises(ProblemError, match=r"list\.xlsx is a spreadsheet; save it as “CSV UTF-8”"):
        find_manifest(source)


CASES = Path(__file__).parents[4] / "shared" / "cases" / "archives"


@pytest.mark.parametrize(
    "name",
    ["A02-sep.zip", "A03-utf16.zip", "A14-backslash-zip.zip", "A25-header.zip", "N09-infozip-utf8.zip"],
)
def test_archives_from_the_field(name: str) -> None:
    if not (CASES / name).is_file():
        pytest.skip(f"{CASES / name} is not here")
    with closing(open_source(CASES / name)) as source:
        with source.opened(find_manifest(source)) as manifest:
            found = list(rows(manifest, "manifest.csv", ImportOptions()))
        assert found
        for row in found:
            assert row.problem is None
            with source.opened(locate(source, row.file, "", ())) as copy:
                assert copy.stat().st_size > 100


def test_a_manifest_that_must_not_be_read_is_told_as_such(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"/manifest.csv": b"file,prompt", "/a.png": b"x"})
    with closing(open_source(path)) as source, pytest.raises(ProblemError, match=r"manifest\.csv.*absolute") as problem:
        find_manifest(source)
    assert problem.value.code == "absolute_path"


def test_names_in_two_unicode_forms(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "é.png")).write_bytes(b"x")
    source = open_source(tmp_path)
    with source.opened(locate(source, unicodedata.normalize("NFC", "é.png"), "", ())) as copy:
        assert copy.read_bytes() == b"x"
