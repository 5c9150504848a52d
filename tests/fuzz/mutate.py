"""Mutations of files: of their bytes, their lines, their values and their members, each a function of a seed alone."""

from __future__ import annotations

import io
import json
import math
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

Rng = random.Random
Mutation = Callable[[bytes, Rng], bytes]

TOKENS = (
    *(
        b"NaN",
        b"-Infinity",
        b"-1",
        b"1e999",
        b"null",
        b"true",
        b"0x10",
        b"0010",
        b"1_000",
        b"9" * 5_000,
        b"-0",
        b"1e-320",
    ),
    *(
        b"[" * 3_000,
        b"{" * 3_000,
        b'{"a":' * 2_000,
        b"]",
        b"}",
        b'"',
        b"'",
        b"\\",
        b"\t",
        b"\0",
        b"\xff\xfe",
        b"\r",
        b"\n",
    ),
    *(b"../../../etc/passwd", b"/dev/zero", b"file:/etc/passwd", b"http://127.0.0.1:9/", b"C:\\x", b"~/.bashrc"),
    *(
        b"&a [*a, *a]",
        b"*a",
        b"!!python/object:trap.Trap {}",
        b"%TAG ! tag:x,2000:",
        b"<<: 1",
        b"---\n",
        b"? [a]\n: 1\n",
    ),
    *(
        b'"_module": "trap", "_class": "Trap", "_object": "{}"',
        b"trap",
        b"</script><script>x",
        b"\x1b[2J",
        b";",
        b",,,,",
    ),
)
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        10**9,
        -(10**30),
        2**63,
        0.5,
        -0.0,
        1e308,
        -1e308,
        1e-320,
        "",
        " ",
        "x",
        "0",
        "-1",
    ),
    *("nan", "1e999", "../x", "/etc/passwd", "feeder", "trap", "\0", "\x1b[31m", "x" * 10_000, "é" * 300, "</script>"),
    *([], [None], [1, "a"], [[]], [0] * 1_000, {}, {"x": 1}, {"": None}, {"_module": "trap", "_class": "Trap"}),
    *(float("nan"), float("inf"), -float("inf")),
)


def of_bytes(data: bytes, rng: Rng) -> bytes:
    """Bits flipped, ranges removed, doubled, overwritten, swapped; odd tokens put in; the end cut off."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        if not found:
            break
        at = rng.randrange(len(found))
        end = min(len(found), at + rng.choice((1, 2, 8, 64, 1024)))
        match rng.randrange(8):
            case 0 | 1:
                found[at] ^= 1 << rng.randrange(8)
            case 2:
                del found[at:end]
            case 3:
                found[at:at] = found[at:end] * rng.choice((1, 2, 50))
            case 4:
                found[at:end] = bytes([rng.choice((0, 255, 32, rng.randrange(256)))]) * (end - at)
            case 5:
                found[at:end] = rng.choice(TOKENS)
            case 6:
                found[at:at] = rng.choice(TOKENS)
            case _:
                del found[at:]
    return bytes(found)


def of_lines(data: bytes, rng: Rng) -> bytes:
    """Lines removed, doubled, swapped, joined; a cell of one replaced by something odd."""
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at].replace(b",", rng.choice((b";", b"\t", b",,", b"")))
            case 4 | 5:
                cells = lines[at].split(b",")
                odd = rng.choice(ODD)
                cells[rng.randrange(len(cells))] = str(odd).encode()[:200]
                lines[at] = b",".join(cells)
            case _:
                lines[at] = rng.choice(TOKENS)[:500]
        if not lines:
            return b""
    return b"\n".join(lines)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and key inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from places(item)


def of_value(value: Any, rng: Rng) -> Any:
    """A value of dicts and lists with odd things in it, keys removed, added and exchanged."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = list(places(value))
        if not found:
            return rng.choice(ODD)
        holder, key = rng.choice(found)
        match rng.randrange(8):
            case 0:
                del holder[key]
            case 1:
                other_holder, other = rng.choice(found)
                if key in _keys(holder) and other in _keys(other_holder):
                    holder[key] = json.loads(json.dumps(other_holder[other]))
            case 2 if isinstance(holder, dict):
                holder[str(rng.choice(ODD))[:50]] = rng.choice(ODD)
            case 3 if isinstance(holder, list):
                holder[key:key] = [holder[key]] * rng.choice((1, 3, 100))
            case 4:
                holder[key] = _near(holder[key], rng)
            case 5 if rng.random() < 0.2:
                holder[key] = _deep(rng.choice((50, 150)))
            case _:
                holder[key] = rng.choice(ODD)
    return value


def _keys(holder: Any) -> Any:
    return range(len(holder)) if isinstance(holder, list) else holder


def _near(value: Any, rng: Rng) -> Any:
    """Something of another size or type that looks like a value."""
    if isinstance(value, bool):
        return rng.choice((str(value), int(value), not value))
    if isinstance(value, int | float):
        return rng.choice((-value, value + 1, value * 10**6, str(value), [value], value + 0.5))
    if isinstance(value, str):
        return rng.choice(
            (value + "x", value.upper(), value[1:], [value], {"x": value}, value * 3, value.encode().hex())
        )
    return rng.choice((str(value)[:100], [value], None))


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def of_json(data: bytes, rng: Rng) -> bytes:
    """The values of a JSON text changed; sometimes its bytes."""
    if rng.random() < 0.35:
        return of_bytes(data, rng)
    return json.dumps(of_value(json.loads(data), rng), ensure_ascii=rng.random() < 0.5).encode()


def of_json_lines(data: bytes, rng: Rng) -> bytes:
    """One line of a log of JSON objects changed; sometimes lines or bytes."""
    if rng.random() < 0.3:
        return rng.choice((of_bytes, of_lines))(data, rng)
    lines = data.split(b"\n")
    at = rng.randrange(max(len(lines) - 1, 1))
    lines[at] = of_json(lines[at], rng)
    return b"\n".join(lines)


def of_yaml(data: bytes, rng: Rng) -> bytes:
    """The values of a YAML text changed, or its lines, or its bytes."""
    import yaml

    choice = rng.random()
    if choice < 0.25:
        return of_bytes(data, rng)
    if choice < 0.5:
        return of_lines(data, rng)
    value = of_value(yaml.load(data, Loader=yaml.BaseLoader), rng)
    return json.dumps(value).encode() if rng.random() < 0.5 else yaml.safe_dump(value, sort_keys=False).encode()


def of_zip(data: bytes, rng: Rng) -> bytes:
    """A member of an archive changed, removed, renamed, doubled, blown up; sometimes the bytes of the archive."""
    if rng.random() < 0.4:
        return of_bytes(data, rng)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(7):
        case 0:
            del members[at]
        case 1:
            members[at] = (rng.choice(("../../x", "/etc/x", "x.npy", name.upper(), name + "/")), content)
        case 2:
            members.append((name, of_bytes(content, rng)))
        case 3:
            members[at] = (name, bytes(rng.choice((0, 10, 50 * 2**20))))
        case 4:
            members[at] = (name, _header_changed(content, rng))
        case _:
            members[at] = (name, of_bytes(content, rng))
    written = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(written, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that stand twice, which is meant
        for member, each in members:
            archive.writestr(member, each)
    return written.getvalue()


def _header_changed(content: bytes, rng: Rng) -> bytes:
    """The head of an array of numpy says something else of the same length."""
    swaps = (
        (b"<f8", b"<f4"),
        (b"<f8", b"|O8"),
        (b"<f8", b"<c8"),
        (b"(", b"{"),
        (b"False", b"True "),
        (b"1", b"9"),
        (b"3", b"-"),
    )
    old, new = rng.choice(swaps)
    return content.replace(old, new, 1)


def of_parquet(data: bytes, rng: Rng) -> bytes:
    """A column or the rows of a table changed; sometimes the bytes of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if rng.random() < 0.3:
        return of_bytes(data, rng)
    table = of_table(pq.read_table(io.BytesIO(data)), rng)
    written = pa.BufferOutputStream()
    pq.write_table(table, written)
    return written.getvalue().to_pybytes()


def of_stream(data: bytes, rng: Rng) -> bytes:
    """The same for an Arrow stream, which keeps what its batches say of themselves, or loses it."""
    import pyarrow as pa

    if rng.random() < 0.5:
        return of_bytes(data, rng)
    reader = pa.ipc.open_stream(data)
    batches = []
    while True:
        try:
            batches.append(reader.read_next_batch_with_custom_metadata())
        except StopIteration:
            break
    changed = of_table(pa.Table.from_batches([batch.batch for batch in batches]), rng)
    written = pa.BufferOutputStream()
    notes = rng.choice(([batch.custom_metadata for batch in batches], [{b"group": b"x"}], [None]))
    with pa.ipc.new_stream(written, changed.schema) as stream:
        for batch, note in zip(changed.to_batches(), notes, strict=False):
            stream.write_batch(batch, custom_metadata=note)
    return written.getvalue().to_pybytes()


def of_table(table: Any, rng: Rng) -> Any:
    """A table with a column of another type or with odd values, without one, or with other rows."""
    import pyarrow as pa

    at = rng.randrange(table.num_columns)
    name, n_rows = table.column_names[at], table.num_rows
    match rng.randrange(9):
        case 0:
            return table.drop_columns([name])
        case 1:
            return table.rename_columns(
                [rng.choice(("x", "slot", "")) if each == name else each for each in table.column_names]
            )
        case 2:
            rows = [rng.randrange(max(n_rows, 1)) for _ in range(rng.choice((n_rows, n_rows // 2, 0, n_rows * 3)))]
            return table.take(pa.array(rows if n_rows else [], pa.int64()))
        case 3:
            return table.append_column(rng.choice((name, "more")), table.column(at))
        case 4:
            return table.set_column(at, name, pa.nulls(n_rows, table.schema.field(at).type))
        case 5:
            return table.set_column(
                at, name, pa.array([rng.choice(("x", "", None)) for _ in range(n_rows)], pa.string())
            )
        case 6:
            odd = (math.nan, math.inf, -1e308, 0.5, -1.0, None)
            return table.set_column(at, name, pa.array([rng.choice(odd) for _ in range(n_rows)], pa.float64()))
        case 7:
            odd_integers = (-1, 0, 2**31 - 1, 10**6, -(2**63), 2**63 - 1)
            return table.set_column(at, name, pa.array([rng.choice(odd_integers) for _ in range(n_rows)], pa.int64()))
        case _:
            kinds = (
                pa.list_(pa.int8()),
                pa.struct([("x", pa.int8())]),
                pa.binary(),
                pa.bool_(),
                pa.date32(),
                pa.null(),
            )
            return table.set_column(at, name, pa.nulls(n_rows, rng.choice(kinds)))


def of_checkpoint(data: bytes, rng: Rng) -> bytes:
    """A value or tensor of a checkpoint changed, with a checksum that fits."""
    import torch

    from marketsim.learning import envelope

    content = torch.load(io.BytesIO(data), weights_only=True)
    del content["sha256"]
    holder, key = rng.choice([each for each in places(content) if each[1] != "version"])
    value = holder[key]
    holder[key] = (
        _tensor(value, rng) if isinstance(value, torch.Tensor) and rng.random() < 0.9 else rng.choice(ODD[:40])
    )
    written = io.BytesIO()
    try:
        digest = envelope.digest(content)
    except Exception:  # of a layout that has no bytes; then the checksum is wrong as well
        digest = "0" * 64
    torch.save({**content, "sha256": digest}, written)
    return written.getvalue()


def _tensor(value: Any, rng: Rng) -> Any:
    """A tensor of another shape, type, layout, or with what is no number in it."""
    import torch

    changed = value.clone()
    match rng.randrange(9):
        case 0 | 1 if changed.is_floating_point() and changed.numel():
            changed.view(-1)[rng.randrange(changed.numel())] = rng.choice((math.nan, math.inf, 1e30))
            return changed
        case 2:
            return changed[..., :-1].clone() if changed.dim() else changed.expand(3).clone()
        case 3:
            return changed.to(rng.choice((torch.float16, torch.int8, torch.complex64, torch.bool)))
        case 4:
            return changed.flatten()
        case 5:
            return torch.zeros(()).expand(changed.shape) if rng.random() < 0.5 else torch.zeros(0)
        case 6:
            return changed.unsqueeze(0)
        case 7:
            return changed.to_sparse() if changed.dim() else changed
        case _:
            return -changed if changed.dtype != torch.bool else ~changed
