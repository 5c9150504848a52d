"""What is kept of compiled kernels is used only as it was written, by the user, for the user."""

from __future__ import annotations

import os
import pickle
import random
import stat
import warnings
from pathlib import Path

import numpy as np
import pytest

from marketsim.core import kernel_cache
from marketsim.core.compiled import cache_folder, kernel


def triple(x):
    return 3 * x


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A cache folder of the test's own, looked up anew."""
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield cache_folder()
    cache_folder.cache_clear()


def hits(function=triple, value=14, expected=42):
    """Whether a process that begins would find the kernel; what it computes is right in any case."""
    made = kernel()(function)
    assert made(value) == expected
    return sum(made.stats.cache_hits.values())


def kept(folder):
    (path,) = folder.glob(f"*{kernel_cache.ENDING}")
    return path


def test_what_was_compiled_once_is_found(folder):
    """One file for a signature; a second signature has one of its own."""
    assert [hits(), hits()] == [0, 1]
    assert kept(folder).name.startswith("test_kernel_cache.triple-")
    assert [hits(value=0.5, expected=1.5), hits(value=0.5, expected=1.5), hits()] == [0, 1, 1]
    assert len(list(folder.iterdir())) == 2


def test_only_the_user_can_write_what_is_kept(folder):
    """Whatever the umask: group and others have no right to write."""
    old = os.umask(0)
    try:
        hits()
    finally:
        os.umask(old)
    for path in (folder, folder.parent, kept(folder)):
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH), path


def in_place_of(path, make):
    path.unlink()
    make(path)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "text": lambda path: path.write_text("hello"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a folder": lambda path: in_place_of(path, Path.mkdir),
    "a folder with files": lambda path: in_place_of(path, lambda place: (place / "x").mkdir(parents=True)),
    "a pipe": lambda path: in_place_of(path, os.mkfifo),
    "a link": lambda path: in_place_of(path, lambda place: place.symlink_to("/etc/passwd")),
    "a link to nothing": lambda path: in_place_of(path, lambda place: place.symlink_to("nowhere")),
    "a link to itself": lambda path: in_place_of(path, lambda place: place.symlink_to(place)),
    "a device": lambda path: in_place_of(path, lambda place: place.symlink_to("/dev/zero")),
    "written by others": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew_with_a_warning(folder, damage):
    """And replaced: the next process finds it again and hears nothing."""
    hits()
    path = kept(folder)
    DAMAGES[damage](path)
    with pytest.warns(RuntimeWarning, match="a compiled kernel is damaged and compiled anew") as said:
        assert hits() == 0
    assert str(path) in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hits() == 1


def test_every_flipped_bit_is_seen(folder):
    """In the head, the digest and the code, which would crash the process if it ran."""
    hits()
    path = kept(folder)
    whole = path.read_bytes()
    places = [*range(0, 51, 5), *random.Random(1).sample(range(51, len(whole)), 60)]
    cache = kernel_cache.KernelCache(triple, folder)
    assert cache._body(path) is not None
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.warns(RuntimeWarning, match="it is not what was written"):
            assert cache._body(path) is None
        assert not path.exists()


def test_one_kernel_is_not_taken_for_another(folder):
    """A whole file under the name of another signature."""
    hits()
    whole = kept(folder)
    hits(value=0.5, expected=1.5)
    (other,) = set(folder.iterdir()) - {whole}
    other.write_bytes(whole.read_bytes())
    with pytest.warns(RuntimeWarning, match="it is not what was written"):
        assert hits(value=0.5, expected=1.5) == 0


def test_no_pickle_is_read_that_was_not_written_here(folder, tmp_path):
    """A pickle runs code as it is read."""

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    hits()
    path = kept(folder)
    for planted in (pickle.dumps(Trap()), path.read_bytes()[:51] + pickle.dumps(Trap())):
        path.write_bytes(planted)
        with pytest.warns(RuntimeWarning, match="it is not what was written"):
            hits()
    assert not (tmp_path / "sprung").exists()


def test_what_cannot_be_put_together_is_compiled_anew(folder, monkeypatch):
    """Right to the bit, but of a numba that says otherwise."""
    hits()
    path = kept(folder)
    body = pickle.dumps(("no", "such", "thing", "here"))
    path.write_bytes(kernel_cache._MAGIC + kernel_cache._digest(path, body) + body)
    with pytest.warns(RuntimeWarning, match="ValueError: too many values"):
        assert hits() == 0
    assert hits() == 1


def test_a_changed_source_is_compiled_anew(tmp_path, folder):
    """Without a word: that is what the stamp is for."""
    import importlib.util

    def loaded(text):
        path = tmp_path / "own_kernel.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("own_kernel", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.own

    text = "FACTOR = 2\n\ndef own(x):\n    return FACTOR * x\n"
    assert [hits(loaded(text), 2, 4), hits(loaded(text), 2, 4)] == [0, 1]
    assert hits(loaded(text.replace("2", "5")), 2, 10) == 0
    assert hits(loaded(text.replace("2", "5")), 2, 10) == 1
    assert len(list(folder.iterdir())) == 1


def test_it_can_be_forgotten(folder):
    hits()
    made = kernel()(triple)
    made._cache.flush()
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_removed_meanwhile_is_made_again(folder):
    folder.rmdir()
    assert hits() == 0
    assert hits() == 1


def looked_up():
    cache_folder.cache_clear()
    return cache_folder()


def refused(match):
    with pytest.warns(RuntimeWarning, match=match):
        assert looked_up() is None
    cache_folder.cache_clear()
    with pytest.warns(RuntimeWarning, match="MARKETSIM_CACHE_DIR"):
        assert hits() == 0


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_into_is_not_used(folder, mode):
    hits()
    folder.chmod(mode)
    refused("others may write into .*: remove it, and it is made anew")


def test_a_folder_of_another_user_is_not_used(folder, monkeypatch):
    hits()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    refused("belongs to another user")


def test_a_link_to_a_folder_of_another_user_is_not_used(folder, tmp_path, monkeypatch):
    """A link of the user's own to a folder of their own is."""
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert looked_up() == folder
    folder.unlink()
    folder.symlink_to("/")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    refused("belongs to another user")


def test_a_folder_in_a_place_where_everybody_may_replace_it_is_not_used(folder):
    """The sticky bit, as in /tmp, keeps others from that."""
    root = folder.parent.parent
    root.chmod(0o777)
    refused("everybody may replace what is in")
    root.chmod(0o1777)
    assert looked_up() == folder
    root.chmod(0o700)


def test_the_folder_of_an_earlier_version_is_closed_to_others(folder):
    """It was made with the user's umask, so that its group could write."""
    folder.parent.chmod(0o775)
    assert looked_up() == folder
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o755


def test_a_file_that_another_user_owns_is_not_read(folder, monkeypatch):
    hits()
    owner = kept(folder).stat().st_uid
    made = kernel()(triple)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.warns(RuntimeWarning, match="others may have written it"):
        assert made(14) == 42
    assert not made.stats.cache_hits


def test_without_a_home_kernels_compile_all_the_same(monkeypatch):
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", "~nobody-of-that-name/cache")
    refused("no writable folder for compiled kernels")


def test_arrays_and_their_kinds_are_told_apart(folder):
    """Signatures that differ in order or dtype have files of their own."""

    def total(values):
        return values.sum()

    for values in (np.ones((2, 2)), np.asfortranarray(np.ones((2, 3))), np.ones((2, 2), dtype=np.float32)):
        assert hits(total, values, values.sum()) == 0
        assert hits(total, values, values.sum()) == 1
    assert len(list(folder.iterdir())) == 3
