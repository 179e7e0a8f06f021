"""odpsmodel export, backup and check: to keep a catalog, and to restore it."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from samples import KEY, REMOTE, add, create, files, names, versions
from test_faults import limited

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.check import check
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.file import backup

Connect = Callable[..., dbapi.Connection]
FORMATS = sorted((Path(__file__).parents[1] / "formats").glob("*.db"))


def odpsmodel(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def fill(con: dbapi.Connection) -> None:
    con.execute(create(name="b.s.imported", tail="COMMENT 'it\\'s; -- 年'"))
    con.execute(add(name="b.s.imported"))
    con.execute("ALTER MODEL b.s.imported SET DEFAULT_VERSION v2")
    con.execute("ALTER MODEL b.s.imported DROP VERSION v1")
    con.execute(create(REMOTE, name="a.s.by_name", inputs=""))
    con.execute(create(REMOTE, name="plain", inputs="", APIKEY=KEY))
    con.commit()


def test_a_backup_tells_how_much_is_done(path: Path, tmp_path: Path) -> None:
    """In percent, and at last all."""
    with closing(dbapi.connect(path)) as con:
        con.execute("CREATE TABLE t (a)")
        con.execute("INSERT INTO t VALUES (zeroblob(40000000))")  # some ten thousand pages
        con.commit()
        told: list[int] = []
        backup(con, str(tmp_path / "copy.db"), told.append)
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == 100


def test_check_tells_how_many_models_are_done(path: Path) -> None:
    with closing(dbapi.connect(path)) as con:
        fill(con)
        told: list[int] = []
        assert [*check(con, told.append)] == []
    assert told == [1, 2, 3]


EXPORTED = """\
-- Models of MaxCompute, as `odpsmodel export` found them.  Owners and times become those of the run.
SET odps.namespace.schema=true;

CREATE MODEL a.s.by_name WITH VERSION v1
OPTIONS (
    MODEL_SOURCE_TYPE = 'REMOTE',
    MODEL_TYPE = 'MLLM',
    TASKS = 'text-generation',
    PAI_EAS_MODEL_NAME = 'Qwen2.5-Omni-3B',
    PAI_EAS_SERVICE_NAME = 'test_remote_model',
    ENDPOINT = 'http://1.cn-shanghai.pai-eas.aliyuncs.com',
    APIKEY = '${EAS_TOKEN}',
    PAI_EAS_SYNC_MODE = 'true'
);

CREATE MODEL b.s.imported WITH VERSION scaffold_0
INPUT (f1 int)
OPTIONS (
    MODEL_SOURCE_TYPE = 'IMPORT',
    MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER',
    LOCATION = 'oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/model/',
    ROLEARN = 'acs:ram::1:role/aliyunodpsdefaultrole'
)
COMMENT 'it\\'s; -- 年';
ALTER MODEL b.s.imported ADD VERSION v2
INPUT (f1 int)
WITH OPTIONS (
    LOCATION = 'oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/model/',
    ROLEARN = 'acs:ram::1:role/aliyunodpsdefaultrole'
);
ALTER MODEL b.s.imported SET DEFAULT_VERSION v2;
ALTER MODEL b.s.imported DROP VERSION scaffold_0;

-- The APIKEY of v1 cannot be read and is a mask, which is refused: write '${NAME}', or the key.
CREATE MODEL local.default.plain WITH VERSION v1
OPTIONS (
    MODEL_SOURCE_TYPE = 'REMOTE',
    MODEL_TYPE = 'MLLM',
    TASKS = 'text-generation',
    PAI_EAS_MODEL_NAME = 'Qwen2.5-Omni-3B',
    PAI_EAS_SERVICE_NAME = 'test_remote_model',
    ENDPOINT = 'http://1.cn-shanghai.pai-eas.aliyuncs.com',
    APIKEY = '********',
    PAI_EAS_SYNC_MODE = 'true'
);

"""


class TestExport:
    def test_the_script(self, path: Path, connect: Connect) -> None:
        fill(connect())
        result = odpsmodel("export", path)
        assert (result.exit_code, result.stdout, result.stderr) == (0, EXPORTED, "")

    def test_a_plain_key_is_to_be_filled_in(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        """Until it is, the whole script fails, and leaves nothing."""
        fill(connect())
        script = odpsmodel("export", path).stdout
        new = tmp_path / "new.db"
        result = odpsmodel("run", new, "-", stdin=script)
        assert result.exit_code == 1
        assert (
            "APIKEY is a mask, not a key: give the key, or EnvSecret('NAME'), written '${NAME}'"
            in result.stderr
        )
        assert names(connect(new)) == []
        assert odpsmodel("run", new, "-", stdin=script.replace("'********'", "'${OTHER}'")).exit_code == 0
        assert odpsmodel("export", new).stdout.count("'${OTHER}'") == 1
        assert versions(connect(new, project="b", schema="s"), "imported") == ["v2"]

    def test_a_database_without_models(self, path: Path, connect: Connect) -> None:
        connect().execute("CREATE TABLE t (a)")
        assert odpsmodel("export", path).stdout == "".join(EXPORTED.splitlines(keepends=True)[:3])

    def test_damage_is_no_script(self, path: Path, connect: Connect) -> None:
        con = connect()
        con.execute(create(name="sound"))
        con.execute(create(name="without"))
        con.execute("DELETE FROM _odpsmodel_version WHERE id = 2")
        con.commit()
        result = odpsmodel("export", path)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "_odpsmodel_version is damaged: restore the file from a backup" in result.stderr


class TestBackup:
    def test_a_copy_of_everything_while_it_is_written(
        self, path: Path, tmp_path: Path, connect: Connect
    ) -> None:
        con = connect()
        fill(con)
        con.execute("CREATE TABLE t (a)")
        con.commit()
        con.execute("INSERT INTO t VALUES (1)")
        result = odpsmodel("backup", path, tmp_path / "copy.db")
        assert (result.exit_code, result.output) == (0, "")
        con.commit()
        assert {found.name for found in tmp_path.iterdir()} == {
            "models.db",
            "models.db-wal",
            "models.db-shm",
            "copy.db",
        }
        copy = connect(tmp_path / "copy.db")
        everything = "SELECT * FROM _odpsmodel_model JOIN _odpsmodel_version"
        assert copy.execute(everything).fetchall() == con.execute(everything).fetchall() != []
        assert (
            copy.execute("SELECT salt FROM _odpsmodel_store").fetchall()
            == con.execute("SELECT salt FROM _odpsmodel_store").fetchall()
        )
        assert copy.execute("SELECT * FROM t").fetchall() == []
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert list(check(copy)) == []
        assert not [data for data in files(tmp_path / "copy.db") if KEY.encode() in data]

    def test_of_one_moment(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        """A writer that makes pairs goes on meanwhile: no copy has half of one."""
        con = connect()
        con.executescript(f"{create(name='m0')}; COMMIT")
        stop = threading.Event()

        def write() -> None:
            with closing(dbapi.connect(path)) as writer:
                number = 1
                while not stop.is_set():
                    writer.execute(create(name=f"m{number}"))
                    writer.execute(create(name=f"m{number + 1}"))
                    writer.commit()
                    number += 2

        thread = threading.Thread(target=write)
        thread.start()
        while len(names(con)) == 1:
            time.sleep(0.001)
        copies = [tmp_path / f"copy{i}.db" for i in range(20)]
        results = [odpsmodel("backup", path, copy) for copy in copies]
        stop.set()
        thread.join()
        assert {(result.exit_code, result.output) for result in results} == {(0, "")}
        found = {len(names(connect(copy))) for copy in copies}
        assert {number % 2 for number in found} == {1}
        assert min(found) > 1
        assert [finding for copy in copies for finding in check(connect(copy))] == []

    def test_a_file_that_is_there_is_left_alone(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        fill(connect())
        other = tmp_path / "other.db"
        other.write_text("precious")
        for target in (other, path):
            result = odpsmodel("backup", path, target)
            assert result.exit_code == 2
            assert f"{target} is there already" in result.stderr
        assert other.read_text() == "precious"

    @pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
    def test_what_another_database_has_left_is_not_taken_for_its_own(
        self, end: str, path: Path, tmp_path: Path, connect: Connect
    ) -> None:
        fill(connect())
        (tmp_path / f"copy.db{end}").write_text("left")
        result = odpsmodel("backup", path, tmp_path / "copy.db")
        assert (result.exit_code, f"copy.db{end} is there already" in result.stderr) == (2, True)
        assert not (tmp_path / "copy.db").exists()

    def test_a_copy_has_the_rights_of_its_original(
        self, path: Path, tmp_path: Path, connect: Connect
    ) -> None:
        fill(connect())
        for mode in (0o600, 0o640):
            path.chmod(mode)
            copy = tmp_path / f"{mode}.db"
            assert odpsmodel("backup", path, copy).exit_code == 0
            assert copy.stat().st_mode & 0o777 == mode

    def test_one_that_is_killed_leaves_no_file_of_that_name(
        self, path: Path, tmp_path: Path, connect: Connect
    ) -> None:
        con = connect()
        con.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000000)); COMMIT")
        command = [
            sys.executable,
            "-c",
            "from sqlalchemy_odpsmodel.cli import main; main()",
            "backup",
            str(path),
        ]
        process = subprocess.Popen([*command, str(tmp_path / "copy.db")])
        while process.poll() is None and not list(tmp_path.glob("*.part")):
            time.sleep(0.001)
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
        assert not (tmp_path / "copy.db").exists()
        assert odpsmodel("backup", path, tmp_path / "copy.db").exit_code == 0

    def test_it_is_on_disk(
        self, path: Path, tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQLite syncs the file; its name is synced with the directory."""
        fill(connect())
        synced = []

        def fsync(handle: int) -> None:
            synced.append((os.readlink(f"/proc/self/fd/{handle}"), (tmp_path / "copy.db").exists()))

        monkeypatch.setattr("os.fsync", fsync)
        assert odpsmodel("backup", path, tmp_path / "copy.db").exit_code == 0
        assert synced == [(str(tmp_path), True)]

    def test_where_a_file_has_but_one_name(
        self, path: Path, tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on FAT, which has no hard links."""
        fill(connect())
        monkeypatch.setattr(
            "os.link", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EPERM, "no links"))
        )
        assert odpsmodel("backup", path, tmp_path / "copy.db").exit_code == 0
        assert names(connect(tmp_path / "copy.db")) == ["plain"]
        assert list(tmp_path.glob("*.part")) == []

    def test_no_space_leaves_no_file(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        con = connect()
        fill(con)
        con.executescript("CREATE TABLE t (a); COMMIT")
        con.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        con.commit()
        con.close()
        with limited(500_000):
            result = odpsmodel("backup", path, tmp_path / "copy.db")
        assert result.exit_code == 1
        assert "disk I/O error: look for a full disk" in result.stderr
        assert sorted(found.name for found in tmp_path.iterdir()) == ["models.db"]

    def test_a_directory_that_is_not_there(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        fill(connect())
        result = odpsmodel("backup", path, tmp_path / "missing" / "copy.db")
        assert (result.exit_code, "No such file or directory" in result.stderr) == (1, True)

    def test_a_file_that_another_holds_for_itself(self, path: Path, tmp_path: Path, connect: Connect) -> None:
        con = connect(isolation_level="EXCLUSIVE")
        con.execute("PRAGMA journal_mode=DELETE").fetchall()
        con.execute(create())
        result = odpsmodel("backup", f"odpsmodel:///{path}?timeout=0.1", tmp_path / "copy.db")
        assert (result.exit_code, "database is locked: another" in result.stderr) == (1, True)
        assert not (tmp_path / "copy.db").exists()


OF_M, RESTORE = "model local.default.m:", "restore the file from a backup"
DROP_V2 = "ALTER MODEL local.default.m DROP VERSION v2; -- and add it again"
DROP_M = "DROP MODEL local.default.m; -- and make it again"
AS_WRITTEN = f"{OF_M} version v2: its name, inputs, options or comment are not as ADD VERSION writes them"
#: What is done to a file that has model m with v1, the default, and v2; the fault that is found, and its mend.
DAMAGE = {
    "UPDATE _odpsmodel_model SET default_version = 'gone'": (
        f"{OF_M} its default version gone does not exist",
        "ALTER MODEL local.default.m SET DEFAULT_VERSION v2; -- or another of v1, v2",
    ),
    "DELETE FROM _odpsmodel_version": (f"{OF_M} it has no version", DROP_M),
    "DELETE FROM _odpsmodel_model": (
        "2 versions are of no model",
        "DELETE FROM _odpsmodel_version WHERE model NOT IN (SELECT id FROM _odpsmodel_model);",
    ),
    "UPDATE _odpsmodel_version SET inputs = '[]' WHERE name = 'v2'": (
        f"{OF_M} version v2: INPUT is missing: IMPORT models need it",
        DROP_V2,
    ),
    "UPDATE _odpsmodel_version SET inputs = '[]' WHERE name = 'v1'": (
        f"{OF_M} version v1: INPUT is missing: IMPORT models need it",
        "ALTER MODEL local.default.m SET DEFAULT_VERSION v2;"
        " ALTER MODEL local.default.m DROP VERSION v1; -- and add it again",
    ),
    "UPDATE _odpsmodel_version SET inputs = '['": (
        f"{OF_M} version v2: its inputs or options cannot be read",
        DROP_V2,
    ),
    f"UPDATE _odpsmodel_version SET inputs = '{'[' * 100_000}' WHERE name = 'v2'": (
        f"{OF_M} version v2: its inputs or options cannot be read",
        DROP_V2,
    ),
    "UPDATE _odpsmodel_version SET options = '{}' WHERE name = 'v2'": (
        f"{OF_M} version v2: LOCATION is missing: IMPORT models need it",
        DROP_V2,
    ),
    "UPDATE _odpsmodel_version SET options = lower(options) WHERE name = 'v2'": (AS_WRITTEN, DROP_V2),
    "UPDATE _odpsmodel_version SET options = json_set(options, '$.MODEL_TYPE', 'BOOSTED_TREE_CLASSIFIER')"
    " WHERE name = 'v2'": (AS_WRITTEN, DROP_V2),
    "UPDATE _odpsmodel_version SET inputs = '[[\"F1\",\"INT\",null]]' WHERE name = 'v2'": (AS_WRITTEN, DROP_V2),
    "UPDATE _odpsmodel_version SET comment = '' WHERE name = 'v2'": (AS_WRITTEN, DROP_V2),
    "UPDATE _odpsmodel_version SET comment = 'a' || char(0) WHERE name = 'v2'": (
        f"{OF_M} version v2: a COMMENT holds a NUL character",
        DROP_V2,
    ),
    "UPDATE _odpsmodel_version SET name = 'V 2' WHERE name = 'v2'": (
        f"{OF_M} version V 2: version name 'V 2' must start with a letter",
        DROP_M,
    ),
    "UPDATE _odpsmodel_version SET name = 'V2' WHERE name = 'v2'": (
        f"{OF_M} version V2: its name, inputs, options or comment are not as ADD VERSION writes them",
        DROP_M,
    ),
    "UPDATE _odpsmodel_version SET create_time = -5 WHERE name = 'v2'": (
        f"{OF_M} version v2: its times are none",
        DROP_V2,
    ),
    "UPDATE _odpsmodel_model SET create_time = 1 << 60": (f"{OF_M} its times are none", DROP_M),
    "UPDATE _odpsmodel_model SET model_type = 'LLM'": (
        f"{OF_M} MODEL_TYPE must be 'BOOSTED_TREE_CLASSIFIER'",
        DROP_M,
    ),
    "UPDATE _odpsmodel_model SET project = 'bigdata_public_modelset'": (
        "public models cannot be created, altered or dropped",
        RESTORE,
    ),
    f"UPDATE _odpsmodel_model SET comment = '{'x' * 1025}'": ("COMMENT is longer than 1,024 bytes of UTF-8", DROP_M),
    "UPDATE _odpsmodel_model SET comment = char(0)": ("a COMMENT holds a NUL character", DROP_M),
    "UPDATE _odpsmodel_model SET owner = 'a' || char(10)": (
        f"{OF_M} its name, owner or comment is not as CREATE MODEL writes it",
        DROP_M,
    ),
    "DROP VIEW odps_models": ("odps_models is missing", "CREATE VIEW odps_models AS"),
    "DROP VIEW odps_models; CREATE VIEW odps_models AS SELECT 1": (
        "odps_models is not as it was made",
        "DROP VIEW odps_models; CREATE VIEW odps_models AS",
    ),
    "DROP VIEW odps_models; CREATE TABLE odps_models (a)": (
        "odps_models is not as it was made",
        "ALTER TABLE odps_models RENAME TO odps_models_moved; CREATE VIEW odps_models AS",
    ),
    "CREATE TRIGGER \"a b\" AFTER INSERT ON _odpsmodel_model BEGIN SELECT 1; END": (
        "the trigger a b is on _odpsmodel_model, which is the store's",
        'DROP TRIGGER "a b";',
    ),
    "DROP TABLE _odpsmodel_version": ("_odpsmodel_version is missing", RESTORE),
    "DROP TABLE _odpsmodel_store": ("the table _odpsmodel_store is damaged", RESTORE),
    "UPDATE _odpsmodel_store SET format = 0": ("the table _odpsmodel_store is damaged", RESTORE),
    "UPDATE _odpsmodel_store SET salt = x'00'": ("_odpsmodel_store has no row with one salt", RESTORE),
}  # fmt: skip


class TestCheck:
    def test_nothing_is_wrong(self, path: Path, connect: Connect) -> None:
        for prepare in (lambda con: con.executescript("CREATE TABLE t (a); COMMIT"), fill):
            prepare(connect())
            result = odpsmodel("check", path)
            assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}: nothing is wrong\n", "")

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_what_is_wrong_is_named_and_its_mend_mends_it(
        self, damage: str, path: Path, connect: Connect
    ) -> None:
        """As it is printed."""
        con = connect()
        con.execute(create())
        con.execute(add())
        con.executescript(f"{damage}; COMMIT")
        result = odpsmodel("check", path)
        fault, mend = DAMAGE[damage]
        assert (result.exit_code, result.stdout) == (1, "")
        assert fault in result.stderr
        assert mend in result.stderr
        if mend != RESTORE:
            found = [line.partition("to mend it: ") for line in result.stderr.split(f"{path}: ")]
            assert odpsmodel("run", path, "-", stdin=found[-1][2]).exit_code == 0
            assert [finding for finding in check(con) if fault in finding.fault] == []

    def test_a_plain_key_that_somebody_wrote_into_the_file(self, path: Path, connect: Connect) -> None:
        con = connect()
        con.execute(create(REMOTE, inputs=""))
        con.execute("UPDATE _odpsmodel_version SET options = json_set(options, '$.APIKEY', ?)", (KEY,))
        con.commit()
        result = odpsmodel("check", path)
        assert "model local.default.m: version v1: its APIKEY is readable in the file" in result.stderr
        assert (result.exit_code, KEY in result.output) == (1, False)

    def test_it_writes_nothing(self, path: Path, connect: Connect) -> None:
        con = connect()
        fill(con)
        con.close()
        before = path.read_bytes()
        assert odpsmodel("check", path).exit_code == 0
        assert path.read_bytes() == before

    def test_an_index_that_lacks_a_row(self, path: Path, connect: Connect) -> None:
        """SQLite's own check is asked."""
        con = connect()
        fill(con)
        con.close()
        with closing(sqlite3.connect(path, isolation_level=None)) as plain:
            plain.execute("PRAGMA writable_schema=ON")
            plain.execute("CREATE TABLE t (a)")
            plain.execute("INSERT INTO t VALUES (1)")
            plain.execute("CREATE INDEX i ON t (a)")
            plain.execute(
                "UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (a) WHERE a > 1' WHERE name = 'i'"
            )
        result = odpsmodel("check", path)
        assert result.exit_code == 1
        assert "SQLite: wrong # of entries in index i" in result.stderr

    def test_a_newer_format_and_a_file_that_is_no_database(self, path: Path, connect: Connect) -> None:
        con = connect()
        fill(con)
        con.executescript("UPDATE _odpsmodel_store SET format = 9; COMMIT")
        con.close()
        for message in ("store format 9, and this release", "file is not a database: "):
            for command in (("check", path), ("export", path), ("backup", path, path.with_name("b.db"))):
                result = odpsmodel(*command)
                if message.startswith("store") and command[0] == "backup":
                    assert result.exit_code == 0  # a copy is a copy
                    continue
                assert (result.exit_code, message in result.stderr) == (1, True)
            path.write_text("no database" * 100)
            path.with_name("b.db").unlink(missing_ok=True)


@pytest.mark.parametrize("command", [("export",), ("check",), ("backup", "copy.db")])
def test_a_file_that_is_not_there_is_not_made(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.db").touch()
    for db in ("missing.db", "odpsmodel:///missing.db", "./:memory:missing.db", "empty.db"):
        result = odpsmodel(command[0], db, *command[1:])
        assert (result.exit_code, ".db: no such file, or an empty one" in result.stderr) == (2, True)
    assert [(found.name, found.stat().st_size) for found in tmp_path.iterdir()] == [("empty.db", 0)]


@pytest.mark.parametrize("file", FORMATS, ids=lambda file: str(file.stem))
class TestFormats:
    """A file of each format, as a release wrote it, is opened, read and changed."""

    def test_a_file_of_each_format(self, file: Path, path: Path, connect: Connect) -> None:
        path.write_bytes(file.read_bytes())
        assert odpsmodel("check", path).exit_code == 0
        assert odpsmodel("export", path).stdout == EXPORTED
        con = connect(project="b", schema="s")
        assert con.execute("SHOW MODELS").fetchall() == [
            ("imported", "ALIYUN$local", "IMPORT", "BOOSTED_TREE_CLASSIFIER", "v2", "2026-11-22 12:00:00",
             "2026-11-22 12:00:00", "it's; -- 年")
        ]  # fmt: skip
        con.execute(add(name="imported", version="v3"))
        con.commit()
        assert versions(con, "imported") == ["v2", "v3"]
        assert odpsmodel("check", path).exit_code == 0


def test_there_is_a_file_of_each_format() -> None:
    from sqlalchemy_odpsmodel.store import FORMAT

    assert [file.stem for file in FORMATS] == [str(number) for number in range(1, FORMAT + 1)]
