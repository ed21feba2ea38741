"""Fills the SQLite store of a stopped server: million.py DATABASE COUNT

The messages are copies of those that the server itself has sent and that have ended, with times, ids, numbers and texts of their
own, over the 30 days before the first of them. Their events and acceptances are noted as a server does; the next one that
starts counts them for its charts.
"""

import json
import sqlite3
import sys
import time

DAYS = 30
MINUTE_MS = 60_000
# Numbers of states in the store.
DELIVERED, UNDELIVERED, FAILED, UNKNOWN = 3, 4, 5, 6
# Columns that hold a time.
TIMES = ["created_at", "updated_at", "due_at", "valid_until", "push_at", "sent_at", "unknown_at", "receipt_at"]


def status_of(n):
    """What became of a message: nearly all are delivered, and a few wait for a decision."""
    if n % 50_000 == 99:
        return UNKNOWN
    return {0: UNDELIVERED, 1: UNDELIVERED, 2: FAILED}.get(n % 100, DELIVERED)


def copies(seeds, events, first, count, step):
    """Yields each copy as a row, with the rows of its events."""
    for n in range(count):
        seed = seeds[status_of(n)]
        row = dict(seed)
        created = first + int(n * step)
        shift = created - seed["created_at"]
        for name in TIMES:
            if row[name] is not None:
                row[name] += shift
        # A UUID of version 7: the time, and the number in the place of chance.
        row["id"] = created.to_bytes(6, "big") + bytes([0x70, 0, 0x80, 0]) + n.to_bytes(6, "big")
        row["to_number"] = 79_250_000_000 + n % 333_333
        row["text"] = f"Ваш заказ {n} готов, ждём вас до вечера"
        row["reference"] = f"batch-{n // 1000}"
        if row["provider_id"] is not None:
            row["provider_id"] = f"{created}-{n}"
        logged = []
        for event in events[seed["id"]]:
            details = json.loads(event["details"])
            if "provider_id" in details:
                details["provider_id"] = row["provider_id"]
            logged.append((row["id"], event["at"] + shift, event["kind"], event["status"], json.dumps(details, ensure_ascii=False)))
        yield row, logged


def main(path, count):
    started = time.monotonic()
    db = sqlite3.connect(path, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN IMMEDIATE;")
    seeds = {row["status"]: row for row in db.execute("SELECT * FROM messages ORDER BY id DESC")}
    events = {row["id"]: db.execute("SELECT * FROM events WHERE message_id = ? ORDER BY seq", [row["id"]]).fetchall() for row in seeds.values()}
    oldest = db.execute("SELECT min(created_at) FROM messages").fetchone()[0]
    owner = seeds[DELIVERED]["owner"]
    # The number of the class, as the server has counted it.
    (of_class,) = db.execute("SELECT class FROM rollups WHERE counter = 0 LIMIT 1").fetchone()

    generated = {"look_at"}
    columns = [name for name in seeds[DELIVERED].keys() if name not in generated]
    insert = f"INSERT INTO messages ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    span = DAYS * 86_400_000
    accepted = {}
    rows, logged = [], []

    def write():
        db.executemany(insert, rows)
        db.executemany("INSERT INTO events (message_id, at, kind, status, details) VALUES (?, ?, ?, ?, ?)", logged)
        rows.clear()
        logged.clear()

    for row, its_events in copies(seeds, events, oldest - MINUTE_MS - span, count, span / count):
        rows.append([row[name] for name in columns])
        logged.extend(its_events)
        minute = row["created_at"] // MINUTE_MS * MINUTE_MS
        accepted[minute] = accepted.get(minute, 0) + 1
        if len(rows) == 20_000:
            write()
    write()
    noted = [(minute, owner or "", of_class, number) for minute, number in accepted.items()]
    db.executemany("INSERT INTO acceptances (at, owner, class, count) VALUES (?, ?, ?, ?)", noted)
    db.execute("COMMIT")
    db.close()
    print(f"{count} messages in {time.monotonic() - started:.0f} s")


main(sys.argv[1], int(sys.argv[2]))
