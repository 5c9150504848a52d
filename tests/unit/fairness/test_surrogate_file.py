"""A surrogate's file may be anybody's: what is no surrogate is refused with a sentence, at little cost."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from marketsim.core.errors import InputError
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_file import FORMAT, Surrogate, SurrogateNetwork, read_surrogate, write_surrogate

ABOUT = {
    "model": "gemma3:4b",
    "samples": 500,
    "held_out": 100,
    "held_out_error": [0.02, 0.04, 0.06],
    "mean_error": [0.2] * 3,
    "seed": 1,
}
SIZES = ((len(NAMES), 3), (3,), (3, 2), (2,), (2, 3), (3,))


def network(seed=0):
    rng = np.random.default_rng(seed)
    return SurrogateNetwork(*(rng.normal(0, 0.5, size) for size in SIZES))


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def members(**changes):
    about = np.array(json.dumps({"format": FORMAT, "features": NAMES, **ABOUT}))
    parts = {name: npy(value) for name, value in {**network()._asdict(), "about": about}.items()}
    return {**{f"{name}.npy": part for name, part in parts.items()}, **changes}


def packed(path, parts, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, part in parts.items() if isinstance(parts, dict) else parts:
            archive.writestr(name, part)
    return path


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_surrogate(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert len(str(problem)) < 700
    return str(problem)


def same(found):
    return all(np.array_equal(a, b) for a, b in zip(found.network, network(), strict=True))


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_numpy_writes_is_read(tmp_path, how):
    """Packed or not, columns first, in single precision, of the other byte order."""
    assert same(read_surrogate(packed(tmp_path / "s.npz", members(), how)))
    own = network()
    other = {"w1.npy": npy(np.asfortranarray(own.w1)), "w2.npy": npy(own.w2.astype(">f8"))}
    found = read_surrogate(packed(tmp_path / "s.npz", members(**other), how))
    assert same(found)
    assert all(each.flags.c_contiguous and each.dtype == np.float64 for each in found.network)
    assert np.allclose(
        read_surrogate(packed(tmp_path / "s.npz", members(**{"w1.npy": npy(own.w1.astype(np.float32))}))).network.w1,
        own.w1,
        atol=1e-6,
    )


@pytest.mark.full
def test_whatever_bit_is_flipped_it_is_refused_or_right(tmp_path):
    """Each bit of the ends, where a zip keeps its names and sizes, and thousands between."""
    path = tmp_path / "s.npz"
    write_surrogate(path, Surrogate(network(), ABOUT))
    whole = path.read_bytes()
    bits = 8 * len(whole)
    chosen = {*range(8 * 100), *range(bits - 8 * 600, bits, 5), *random.Random(1).sample(range(bits), 1_000)}
    refused = 0
    for bit in chosen:
        path.write_bytes(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
        try:
            found = read_surrogate(path)
        except InputError:
            refused += 1
            continue
        assert same(found), bit
        assert {key: found.about[key] for key in ABOUT} == ABOUT, bit
    assert refused > len(chosen) // 2


def test_however_it_is_cut_it_is_refused(tmp_path):
    path = tmp_path / "s.npz"
    write_surrogate(path, Surrogate(network(), ABOUT))
    whole = path.read_bytes()
    for kept in (*range(100), *range(0, len(whole), 37)):
        path.write_bytes(whole[:kept])
        refusal(path)


@pytest.mark.full
def test_bytes_at_random_are_refused_or_right(tmp_path):
    """Several bytes at once, copied pieces, pieces left out."""
    path = tmp_path / "s.npz"
    write_surrogate(path, Surrogate(network(), ABOUT))
    whole, draw = path.read_bytes(), random.Random(2)
    for _ in range(1_500):
        bad, at = bytearray(whole), draw.randrange(len(whole))
        length = draw.randrange(1, 40)
        bad[at : at + length] = draw.choice((draw.randbytes(length), b"", whole[:length], b"\xff" * length))
        path.write_bytes(bad)
        try:
            assert same(read_surrogate(path))
        except InputError:
            refusal(path)


@pytest.mark.full
def test_a_zip_bomb_is_not_unpacked(tmp_path):
    """400 MB of zeros in half a megabyte: refused before they take memory."""
    bomb = npy(np.zeros(1))[:128] + bytes(400_000_000)
    path = packed(tmp_path / "s.npz", members(**{"w2.npy": bomb}), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    del bomb
    tracemalloc.start()
    try:
        assert "unpacked it has more than 160 MiB" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_that_lies_about_a_size_is_seen(tmp_path):
    """The directory says 100 bytes, 200 MB come out: no more than it says is taken."""
    path = packed(tmp_path / "s.npz", members(**{"w2.npy": bytes(200_000_000)}), zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(struct.pack("<I", 200_000_000), struct.pack("<I", 100)))
    refusal(path)


def header(text, version=b"\x01\x00"):
    padded = text.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\x01\x00" else "<I", len(padded)) + padded


HEADERS = {
    "a huge shape": header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"),
    "an endless shape": header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 400 + ",), }"),
    "a negative shape": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -2), }"),
    "forty axes": header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 40 + "), }"),
    "objects": header("{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }") + bytes(48),
    "a record": header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3, 2), }") + bytes(48),
    "times": header("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (3, 2), }") + bytes(48),
    "complex numbers": header("{'descr': '<c16', 'fortran_order': False, 'shape': (3, 2), }") + bytes(96),
    "whole numbers": header("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 2), }") + bytes(48),
    "brackets": header("(" * 900),
    "code": header("__import__('os').abort()"),
    "a long header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{" * 1000,
    "another version": header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", b"\x09\x00") + bytes(48),
    "too few numbers": header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }") + bytes(47),
    "too many numbers": header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }") + bytes(49),
    "nothing": b"",
    "texts": npy(np.array([["a"] * 2] * 3)),
    "a text": npy(np.array("1.0")),
    "no texts": header("{'descr': '<U1', 'fortran_order': False, 'shape': (), }") + b"\xff" * 4,
    "no numbers": npy(np.full((3, 2), np.nan)),
    "infinity": npy(np.full((3, 2), np.inf)),
    "weights beyond reason": npy(np.full((3, 2), 1e300)),
    "no units": npy(np.zeros((3, 0))),
}


@pytest.mark.parametrize("part", ["w2.npy", "about.npy"])
@pytest.mark.parametrize("what", HEADERS)
def test_an_odd_array_is_refused(tmp_path, what, part):
    refusal(packed(tmp_path / "s.npz", members(**{part: HEADERS[what]})))


def test_a_layer_without_units_is_refused(tmp_path):
    """All shapes fit, and there is nothing in them."""
    empty = {"w1.npy": np.zeros((len(NAMES), 0)), "b1.npy": np.zeros(0), "w2.npy": np.zeros((0, 2))}
    path = packed(tmp_path / "s.npz", members(**{name: npy(each) for name, each in empty.items()}))
    assert "do not fit together" in refusal(path)


def test_an_odd_zip_is_refused(tmp_path):
    path = tmp_path / "s.npz"
    inner = packed(tmp_path / "inner.zip", members()).read_bytes()
    odd = {
        "'../x.npy' besides": members(**{"../x.npy": b""}),
        "'/etc/x' besides": members(**{"/etc/x": b""}),
        "'s.npz' besides": members(**{"s.npz": inner}),
        "has b1.npy twice": [*members().items(), ("b1.npy", npy(np.zeros(3)))],
        "has no about.npy, b1.npy": {"s.npz": inner},
        "has no about.npy": {},
        "besides": members(**{f"{n}": b"" for n in range(10_000)}),
    }
    for message, parts in odd.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's writer of zip files warns of names that come twice
            packed(path, parts)
        assert message in refusal(path)
    for how in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert "packed in another way" in refusal(packed(path, members(), how))


def test_an_encrypted_or_unknown_packing_is_refused(tmp_path):
    path = packed(tmp_path / "s.npz", members())
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02")
    for place, value in ((at + 8, 1), (at + 10, 99)):
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        assert "encrypted, or packed in another way" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": 3},
        {"model": "x" * 201},
        {"model": "a\x1b[2Jb"},
        {"model": "\ud800"},
        {"samples": -1},
        {"samples": True},
        {"samples": 1.5},
        {"samples": "500"},
        {"held_out": [1]},
        {"held_out_error": [0.1, 0.2]},
        {"held_out_error": [0.1, 0.2, "0.3"]},
        {"held_out_error": [0.1, 0.2, None]},
        {"held_out_error": [0.1, 0.2, 1.5]},
        {"held_out_error": 0.1},
        {"held_out_error": {"a": 1}},
        {"mean_error": [True, 0.1, 0.1]},
        {"seed": "1"},
        {"seed": None},
    ],
)
def test_what_it_says_about_itself_has_to_be_so(tmp_path, change):
    about = json.dumps({"format": FORMAT, "features": NAMES, **ABOUT, **change})
    path = packed(tmp_path / "s.npz", members(**{"about.npy": npy(np.array(about))}))
    assert f"does not say what is due about itself: {next(iter(change))}" in refusal(path)


@pytest.mark.parametrize(
    "about",
    [
        "",
        "[]",
        "1",
        "null",
        '"text"',
        "[" * 100_000,
        "{" * 5_000,
        json.dumps({"format": FORMAT, "features": NAMES, **ABOUT}).replace("500", "NaN"),
        json.dumps({"format": FORMAT, "features": NAMES, **ABOUT}).replace("0.02", "1e999"),
        json.dumps({"format": FORMAT, "features": NAMES, **ABOUT}).replace("500", "9" * 5_000),
        json.dumps({"format": FORMAT, "features": NAMES, **ABOUT}).replace('"seed"', '"model"'),
        json.dumps({"format": [FORMAT], "features": NAMES}),
        json.dumps({"format": FORMAT, "features": {"a": 1}}),
        json.dumps({"format": FORMAT, "features": 7}),
    ],
)
def test_what_it_says_has_to_be_json_of_our_kind(tmp_path, about):
    refusal(packed(tmp_path / "s.npz", members(**{"about.npy": npy(np.array(about or " "))})))


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_regular_files_are_read(tmp_path, kind):
    path = tmp_path / "s.npz"
    {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }[kind]()
    assert "not a file" in refusal(path)
