#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a file system answers, in the current directory: one line an operation. Nothing in it depends on what lies
below (sizes of directories, inode numbers, blocks), so two servers can be compared by their output."""
import ctypes
import errno
import fcntl
import mmap
import os
import stat
import threading

libc = ctypes.CDLL(None, use_errno=True)


def renameat2(a, b, flags):
    if libc.renameat2(-100, a.encode(), -100, b.encode(), flags) < 0:
        raise OSError(ctypes.get_errno(), "")


def show(name, operation):
    try:
        print(name, operation(), flush=True)
    except OSError as e:
        print(name, errno.errorcode[e.errno], flush=True)


def put(path, data=b"x", flags=os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode=0o644):
    fd = os.open(path, flags, mode)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def facts(path):
    s = os.lstat(path)
    size = s.st_size if not stat.S_ISDIR(s.st_mode) else "-"
    return oct(s.st_mode), s.st_nlink if not stat.S_ISDIR(s.st_mode) else "-", s.st_uid, s.st_gid, size


def opened(path, flags, mode=0o644):
    os.close(os.open(path, flags, mode))
    return "opened"


def names():
    show("missing", lambda: facts("no"))
    show("create", lambda: put("a", b"hello"))
    show("facts", lambda: facts("a"))
    show("exclusive", lambda: opened("a", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    show("not-a-directory", lambda: facts("a/b"))
    show("as-directory", lambda: opened("a", os.O_RDONLY | os.O_DIRECTORY))
    show("mkdir", lambda: os.mkdir("d", 0o751))
    show("mkdir-again", lambda: os.mkdir("d"))
    show("directory-facts", lambda: facts("d"))
    show("write-a-directory", lambda: opened("d", os.O_WRONLY))
    show("longest-name", lambda: put("n" * 255))
    show("longer-name", lambda: put("n" * 256))
    show("bytes", lambda: put(b"\xff\xfe \n"))
    show("list", lambda: sorted(os.listdir(b".")))
    show("unlink-a-directory", lambda: os.unlink("d"))
    show("rmdir-a-file", lambda: os.rmdir("a"))
    show("link", lambda: os.link("a", "l"))
    show("linked", lambda: facts("a"))
    show("link-again", lambda: os.link("a", "l"))
    show("link-a-directory", lambda: os.link("d", "dl"))
    show("symlink", lambda: os.symlink("a", "s"))
    show("symlink-facts", lambda: facts("s"))
    show("readlink", lambda: os.readlink("s"))
    show("readlink-of-a-file", lambda: os.readlink("a"))
    show("through-the-link", lambda: get("s"))
    show("no-follow", lambda: opened("s", os.O_RDONLY | os.O_NOFOLLOW))
    show("loop", lambda: (os.symlink("q", "q"), get("q")))
    show("long-target", lambda: (os.symlink("t" * 4000, "t"), len(os.readlink("t"))))
    show("path-of-a-link", lambda: (os.symlink("..", "d/up"), get("d/up/a")))


def renames():
    put("r1", b"one")
    put("r2", b"two")
    os.makedirs("x/y")
    os.mkdir("z")
    show("rename", lambda: (os.rename("r1", "r3"), get("r3")))
    show("rename-missing", lambda: os.rename("r1", "r4"))
    show("rename-over", lambda: (os.rename("r3", "r2"), get("r2")))
    show("rename-no-replace", lambda: renameat2("r2", "a", 1))
    show("rename-exchange", lambda: (renameat2("r2", "a", 2), get("r2"), get("a")))
    show("rename-flags", lambda: renameat2("r2", "a", 3))
    show("rename-into-itself", lambda: os.rename("x", "x/y/x"))
    show("rename-over-full", lambda: os.rename("z", "x"))
    show("rename-over-empty", lambda: (os.rename("x", "z"), os.listdir("z")))
    show("rename-file-over-directory", lambda: os.rename("a", "z"))
    show("rename-directory-over-file", lambda: os.rename("z", "a"))
    show("rmdir-full", lambda: os.rmdir("z"))
    show("rename-to-another-directory", lambda: (os.rename("z/y", "d/y"), sorted(os.listdir("d"))))


def modes():
    put("m")
    for mode in (0, 0o644, 0o4755, 0o2755, 0o6777, 0o1777):
        show(f"chmod-{mode:o}", lambda mode=mode: (os.chmod("m", mode), facts("m")))
    show("chown", lambda: (os.chmod("m", 0o6755), os.chown("m", 12, 34), facts("m")))
    show("chown-one", lambda: (os.chown("m", -1, 56), facts("m")))
    show("chown-a-link", lambda: (os.lchown("s", 7, 8), facts("s"), facts("a")[2:4]))
    show("utime", lambda: (os.utime("m", ns=(1000000001, 2000000002)), os.stat("m").st_atime_ns, os.stat("m").st_mtime_ns))
    show("utime-before-1970", lambda: (os.utime("m", ns=(-5000000000, 5)), os.stat("m").st_atime_ns))
    show("utime-of-a-link", lambda: (os.utime("s", ns=(7, 9), follow_symlinks=False), os.lstat("s").st_mtime_ns))
    show("fifo", lambda: (os.mkfifo("p", 0o600), facts("p")))
    show("socket", lambda: (os.mknod("k", stat.S_IFSOCK | 0o600), facts("k")))
    show("open-a-socket", lambda: opened("k", os.O_RDONLY))
    thread = threading.Thread(target=lambda: put("p", b"through", os.O_WRONLY))
    thread.start()
    show("fifo-carries", lambda: get("p"))
    thread.join()


def contents():
    fd = os.open("c", os.O_CREAT | os.O_RDWR)
    show("pwrite-beyond", lambda: (os.pwrite(fd, b"end", 100000), os.fstat(fd).st_size, os.pread(fd, 5, 99998)))
    show("read-beyond", lambda: os.pread(fd, 10, 200000))
    show("truncate", lambda: (os.ftruncate(fd, 10), os.fstat(fd).st_size, os.pread(fd, 20, 0)))
    show("truncate-grow", lambda: (os.ftruncate(fd, 5000), os.pread(fd, 2, 4999)))
    show("truncate-negative", lambda: os.ftruncate(fd, -1))
    show("fallocate", lambda: (os.posix_fallocate(fd, 0, 9000), os.fstat(fd).st_size))
    show("vector", lambda: (os.pwritev(fd, [b"ab", b"cd" * 3000, b"e"], 1), os.pread(fd, 4, 0), os.pread(fd, 3, 5999)))
    show("fsync", lambda: (os.fsync(fd), os.fdatasync(fd)))
    with mmap.mmap(fd, 4096) as m:
        m[10:14] = b"MMAP"
        m.flush()
    show("mapped", lambda: os.pread(fd, 4, 10))
    show("copy-range", lambda: (os.copy_file_range(fd, os.open("c2", os.O_CREAT | os.O_RDWR), 100, 1), get("c2")[9:13]))
    show("unlinked", lambda: (os.unlink("c"), os.fstat(fd).st_nlink, os.pwrite(fd, b"still", 0), os.pread(fd, 5, 0)))
    os.close(fd)
    show("append", lambda: (put("e", b"1"), put("e", b"2", os.O_WRONLY | os.O_APPEND), get("e")))
    show("truncating-open", lambda: (put("e", b"3"), get("e")))
    show("temporary", lambda: opened(".", os.O_TMPFILE | os.O_RDWR))
    fd = os.open("e", os.O_RDONLY)
    show("write-to-a-reader", lambda: os.write(fd, b"x"))
    show("seek", lambda: (os.lseek(fd, 0, os.SEEK_END), os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 0, os.SEEK_HOLE)))
    show("seek-beyond", lambda: os.lseek(fd, 100, os.SEEK_DATA))
    os.close(fd)
    big = bytes(range(256)) * 8192
    show("two-megabytes", lambda: (put("big", big), get("big") == big))


def locks():
    put("lock")
    with open("lock", "r+b") as a, open("lock", "r+b") as b:
        show("flock", lambda: fcntl.flock(a, fcntl.LOCK_EX))
        show("flock-held", lambda: fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB))
        show("unlock", lambda: fcntl.flock(a, fcntl.LOCK_UN))
        show("flock-free", lambda: fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB))
        show("record-lock", lambda: fcntl.lockf(a, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0))


def many():
    os.mkdir("many")
    for i in range(300):
        put(f"many/file-with-a-name-{i}", str(i).encode())
    show("many", lambda: len(os.listdir("many")))
    with os.scandir("many") as entries:
        total = sum(e.stat().st_size for e in entries)
    show("many-sizes", lambda: total)
    with os.scandir("many") as entries:
        for e in entries:
            os.unlink(e)
    show("many-gone", lambda: os.listdir("many"))
    show("statvfs", lambda: os.statvfs(".").f_namemax)


def drop_rights():
    put("private", b"secret", mode=0o600)
    os.mkdir("closed", 0o700)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
        show("user-reads-private", lambda: get("private"))
        show("user-in-closed", lambda: os.listdir("closed"))
        show("user-creates", lambda: put("mine"))
        show("user-chmods", lambda: os.chmod("a", 0o777))
        show("user-chowns", lambda: os.chown("a", 1000, 1000))
        show("user-unlinks", lambda: os.unlink("a"))
        os._exit(0)
    os.waitpid(pid, 0)
    os.mkdir("open")
    os.chmod("open", 0o1777)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(1000)
        os.setuid(1000)
        show("user-creates-in-open", lambda: (put("open/mine"), facts("open/mine")))
        show("user-mkdirs-in-open", lambda: (os.mkdir("open/dir"), facts("open/dir")))
        os._exit(0)
    os.waitpid(pid, 0)
    os.mkdir("group")
    os.chown("group", 0, 77)
    os.chmod("group", 0o2775)
    show("set-group-id", lambda: (put("group/f"), facts("group/f"), os.mkdir("group/d"), facts("group/d")))


for part in (names, renames, modes, contents, locks, many, drop_rights):
    part()
