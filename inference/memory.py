"""How much memory is free: the machine's, and that of the container around us."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """The smaller of the two; very much on systems that do not say."""
    return min(_machine_bytes(), _container_bytes())


def own_bytes(pid: int) -> int:
    """Of a process: what it does not share with a file. The pages of a mapped file count as available all the same."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def activity(pid: int) -> int:
    """Grows while a process computes (a hundred a second) or waits for pages from a disk; 0 where the system does not
    say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(fields[place]) for place in (9, 11, 12))  # major faults, user and system time


def _machine_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 1 << 62


def _container_bytes() -> int:
    """Limit less use; what the page cache holds can be given back and counts as free."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return 1 << 62
        used = int((_CGROUP / "memory.current").read_text())
        statistics = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return max(0, int(limit) - used + int(statistics.get("inactive_file", 0)))
    except (OSError, ValueError):
        return 1 << 62
