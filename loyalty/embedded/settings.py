"""How the embedded Postgres is set, each setting with its reason; written into postgresql.conf."""

from __future__ import annotations

from pathlib import Path

import psutil

MIB = 1 << 20
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """The memory this machine, or the container it is, may use."""
    total = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):
            continue  # no container, or "max"
    return total


def shared_buffers_mib(memory: int) -> int:
    """A quarter of the memory, 64 MiB at least; beyond 2 GiB the page cache does as well."""
    return max(64, min(memory // 4 // MIB, 2048))


def postgres_settings(*, durable: bool, lz4: bool) -> list[tuple[str, str, str]]:
    """(name, value, reason). Not `durable` is for tests: safe when killed, not on a power cut."""
    on = "on" if durable else "off"
    buffers = shared_buffers_mib(memory_bytes()) if durable else 128
    return [
        ("listen_addresses", "''", "Only this machine's own processes, through the socket."),
        ("unix_socket_directories", "'.'", "In the data folder, which nobody else may enter."),
        ("max_connections", "200", "Web threads, workers and people, with room to spare."),
        ("shared_buffers", f"{buffers}MB", "A quarter of the memory, at most 2 GB."),
        ("huge_pages", "try", "Fewer page faults where the machine offers them."),
        ("fsync", on, "What was answered survives a power cut too."),
        ("synchronous_commit", "on", "What was answered survives a kill; off gained nothing."),
        ("full_page_writes", on, "A page torn by a power cut is repaired."),
        ("wal_compression", "lz4" if lz4 else "off", "Cheap if lz4 is built in; pglz is not."),
        ("max_wal_size", "4GB", "Checkpoints by time, not by load: fewer full pages."),
        ("checkpoint_timeout", "15min", "The same; a restart replays at most this much."),
        ("random_page_cost", "1.1", "The disk is an SSD; indices are right for few rows."),
        ("jit", "off", "Statements are short: compiling one costs more than it saves."),
        ("max_parallel_workers_per_gather", "0", "The cores belong to tills, not to one report."),
        ("autovacuum_naptime", "15s", "`unsettled` turns over completely every few seconds."),
        ("autovacuum_vacuum_cost_limit", "2000", "Vacuum must keep pace with a full load."),
        ("autovacuum_analyze_scale_factor", "0.02", "Plans must notice a table that grows fast."),
        ("timezone", "'UTC'", "Times are stored and compared in UTC."),
        ("log_timezone", "'UTC'", "The same in the log."),
        ("log_line_prefix", "'%m %u '", "When, and which role."),
        ("log_min_messages", "log", "A statement's error is told to its sender, who logs it."),
        ("log_checkpoints", "off", "Every 15 minutes, and no news."),
    ]


def postgresql_conf(*, durable: bool, lz4: bool) -> str:
    """The file's text. What you put into `yours.conf` beside it comes last and wins."""
    lines = ["# Written at every start by loyalty/embedded. Your own settings: yours.conf"]
    for name, value, reason in postgres_settings(durable=durable, lz4=lz4):
        lines += [f"# {reason}", f"{name} = {value}"]
    return "\n".join([*lines, "include_if_exists = 'yours.conf'", ""])
