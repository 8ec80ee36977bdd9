"""Compressed files: their bytes, their names, and what the receipt says of them."""

import gzip
import io
import stat
import struct
import time
import zipfile
import zlib

import pytest
from requests_toolbelt import MultipartDecoder

from include.codebashing_lms.connections.model import HttpConnection
from include.codebashing_lms.delivery.packing import Packing
from include.codebashing_lms.errors import DeliveryUnavailableError
from include.codebashing_lms.ledger.destinations import ledgers
from include.codebashing_lms.ledger.journal import entries
from include.codebashing_lms.staging.checksums import sha256_of
from tests.delivery.connections import sftp_connection
from tests.delivery.test_http import import_at
from tests.delivery.test_sftp import drop_on
from tests.fakes.proxy import Proxy
from tests.fakes.recorder import recording
from tests.load.staged_run import CSV, LEARNERS, NAME, connector, learner, stage

SUFFIXES = [("zip", ".zip"), ("gzip", ".gz")]


def packed(tmp_path, compression, content=CSV):
    plain, target = tmp_path / NAME, tmp_path / "packed"
    plain.write_bytes(content)
    Packing(compression).wrap(plain, target)
    return target.read_bytes()


def deflated(content):
    press = zlib.compressobj(6, zlib.DEFLATED, -15)
    return press.compress(content) + press.flush()


def unpacked(raw, name):
    if name.endswith(".gz"):
        return gzip.decompress(raw)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        [member] = archive.namelist()
        assert f"{member}.zip" == name
        return archive.read(member)


def in_drop(drop, directory="/"):
    return {"method": "folder", "directory": str(drop)}


def test_gzip_names_no_file_and_no_time(tmp_path):
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
    assert packed(tmp_path, "gzip") == header + deflated(CSV) + struct.pack("<II", zlib.crc32(CSV), len(CSV))


def test_zip_has_one_member_of_the_files_name_and_no_time(tmp_path):
    name, body = NAME.encode(), deflated(CSV)
    fields = struct.pack("<HHHIII", 8, 0, 0x21, zlib.crc32(CSV), len(body), len(CSV))  # 1 January 1980
    rest = fields + struct.pack("<HH", len(name), 0)
    member = b"PK\x03\x04" + struct.pack("<HH", 20, 0) + rest + name
    rights = stat.S_IMODE(0o600) << 16
    entry = b"PK\x01\x02" + struct.pack("<BBHH", 20, 3, 20, 0) + rest + struct.pack("<HHHII", 0, 0, 0, rights, 0)
    directory = entry + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(member + body), 0)
    assert packed(tmp_path, "zip") == member + body + directory + end


def test_same_bytes_at_any_time(tmp_path):
    before = [packed(tmp_path, compression) for compression, _ in SUFFIXES]
    time.sleep(2.1)  # the resolution of times in archives
    assert [packed(tmp_path, compression) for compression, _ in SUFFIXES] == before


@pytest.mark.parametrize(("compression", "suffix"), SUFFIXES)
@pytest.mark.parametrize("method", ["folder", "sftp"])
def test_drop(method, compression, suffix, staged, sftp, drop):
    delivery = in_drop(drop) if method == "folder" else drop_on()
    delivery |= {"compression": compression, "done_file": "{file}.done"}
    outcome = staged.load(delivery, sftp_connection(sftp) if method == "sftp" else None)
    name = NAME + suffix
    assert sorted(path.name for path in drop.iterdir()) == [name, f"{name}.done"]
    raw = (drop / name).read_bytes()
    assert unpacked(raw, name) == CSV == staged.file.read_bytes()
    receipt, there = staged.receipt, drop / name
    assert {"file": name, "bytes": len(raw), "sha256": sha256_of(there)}.items() <= receipt.items()
    assert outcome["where"] == receipt["where"]
    assert receipt["where"].endswith(f"/{name}")
    assert receipt["content"] == {key: staged.manifest[key] for key in ("file", "bytes", "sha256")}
    assert receipt["packing"] == {"compression": compression}
    [entry] = entries(ledgers(staged.folder.parents[2])[0])
    assert {name: entry[name] for name in ("sha256", "packing", "content")}.items() <= receipt.items()
    assert outcome["sha256"] == receipt["sha256"]
    assert name in outcome["sentence"]
    assert stat.S_IMODE((staged.folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(("compression", "media_type"), [("zip", "application/zip"), ("gzip", "application/gzip")])
@pytest.mark.parametrize("upload", ["raw", "multipart"])
def test_upload(upload, compression, media_type, staged):
    with recording() as server:
        delivery = import_at(upload=upload, compression=compression)
        staged.load(delivery, HttpConnection(server.url, password="token"))
    [(request, body)] = zip(server.requests, server.bodies, strict=True)
    name = NAME + dict(SUFFIXES)[compression]
    if upload == "multipart":
        [part] = MultipartDecoder(body, request["Content-Type"]).parts
        assert f'filename="{name}"' in part.headers[b"Content-Disposition"].decode()
        assert part.headers[b"Content-Type"].decode() == media_type
        body = part.content
    else:
        assert request["Content-Type"] == media_type
    assert "Content-Encoding" not in request
    assert unpacked(body, name) == CSV


def test_compression_changes_neither_key_nor_destination(tmp_path, drop):
    """Switching compression on needs no answer from a person, and sends no row twice."""
    first = stage(tmp_path / "staging")
    first.load(in_drop(drop))
    again = stage(tmp_path / "staging", day=24, run_id="next")
    outcome = again.load(in_drop(drop) | {"compression": "zip", "send": "changes"})
    assert outcome["outcome"] == "nothing_to_send"


def test_file_that_was_not_fetched_is_seen_under_its_packed_name(tmp_path, drop):
    delivery = in_drop(drop) | {"compression": "zip", "send": "changes"}
    stage(tmp_path / "staging").load(delivery)
    more = stage(tmp_path / "staging", [*LEARNERS, learner("1044", "java", 1, 4)], run_id="next")
    with pytest.raises(DeliveryUnavailableError, match=rf"has not fetched .*{NAME}\.zip yet"):
        more.load(delivery)


def test_cleared_run_sends_nothing(tmp_path, drop):
    delivery = in_drop(drop) | {"compression": "gzip"}
    root = tmp_path / "staging"
    stage(root).load(delivery)
    (drop / f"{NAME}.gz").unlink()
    assert stage(root, clear_number=1).load(delivery, clear_number=1)["outcome"] == "already_delivered"
    assert not list(drop.iterdir())


def test_dry_run_packs_and_sends_nothing(staged, drop):
    outcome = staged.load(in_drop(drop) | {"compression": "zip"}, dry_run=True)
    assert f"{NAME}.zip" in outcome["sentence"]
    assert unpacked((staged.folder / f"{NAME}.zip").read_bytes(), f"{NAME}.zip") == CSV
    assert not list(drop.iterdir())


def test_staged_file_that_was_altered_is_not_packed(staged, drop):
    delivery = in_drop(drop) | {"compression": "zip"}
    with staged.file.open("ab") as file:
        file.write(b"x")
    with pytest.raises(Exception, match="checksum differs"):
        staged.load(delivery)
    assert not list(drop.iterdir())


def test_packed_file_that_was_altered_between_tries_is_packed_anew(staged, sftp, drop):
    delivery = drop_on() | {"compression": "gzip"}
    with Proxy(sftp.port, listening=False) as proxy, pytest.raises(DeliveryUnavailableError):
        staged.load(delivery, sftp_connection(sftp, port=proxy.port))
    (staged.folder / f"{NAME}.gz").write_bytes(b"x")
    staged.load(delivery, sftp_connection(sftp))
    assert gzip.decompress((drop / f"{NAME}.gz").read_bytes()) == CSV


@pytest.mark.parametrize(
    "delivery",
    [
        {"method": "folder", "directory": "/drop", "compression": "rar"},
        {"method": "folder", "directory": "/drop", "pgp": {}},
        {"method": "folder", "directory": "/drop", "pgp": {"key": "/key", "sign": True}},
        {"method": "sftp", "pgp": {"private_key": "-----BEGIN"}},
        {"method": "http", "endpoint": "/import", "pgp": {"key": "/key"}},
    ],
    ids=["compression", "folder_without_key", "folder_signs", "private_key", "http"],
)
def test_what_cannot_be_is_said_at_parse(delivery):
    with pytest.raises(ValueError, match="compression|pgp"):
        connector(delivery)


def test_nothing_is_packed_unless_asked_for(staged, drop):
    staged.load(in_drop(drop))
    assert [path.name for path in drop.iterdir()] == [NAME]
    assert not {"packing", "content"} & staged.receipt.keys()
