#!/usr/bin/env python3
"""alerts.py SERVER SIMULATOR: makes each alert of deploy/monitoring/rules fire once, by a real fault of the real program, with a
real Prometheus. Sees that what docs/OPERATIONS.md says to look at shows the fault, and that the alert ends after it. Fails if an
alert has no fault here.

Needs Prometheus, PostgreSQL with psql, and Redis, at SMS_TEST_PG_URL and SMS_TEST_REDIS_URL (scripts/services.sh)."""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from alerts_lab import PROGRAMS, Failed, Fault, Lab, Relay, Result, names, request, shortened, wait_for

# The only differences between the rules that are tested here and those of an installation: the alert (None: all of them), what is
# replaced, by what, and why.
CHANGES = [
    (None, r"for: \d+[mh]", "for: 2s", "a fault stands for seconds here, not for minutes"),
    (None, r"\[\d+[mh]\]", "[30s]", "an alert must end soon after its fault"),
    ("SmsQueueOld", "> 300", "> 35", "5 minutes are too long; more than the 20 s and 30 s after which jobs are published again"),
    ("SmsCaretakerStuck", "> 120", "> 30", "2 minutes are too long; more than the 10 s between two rounds of `infer`"),
    ("SmsEventLogNotCounted", "> 120", "> 20", "2 minutes are too long; more than the 2 s between two rounds"),
]
PG = os.environ.get("SMS_TEST_PG_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("SMS_TEST_REDIS_URL", "redis://127.0.0.1:6379")
# The schema in PostgreSQL, and the prefix in Redis.
OWN = f"alerts_{os.getpid()}"
# Statements of docs/OPERATIONS.md.
ACTIVITY = "select state, wait_event_type, wait_event, query from pg_stat_activity where state <> 'idle'"
BLOCKING = """select pid, usename, application_name, state, xact_start, query from pg_stat_activity
where pid in (select unnest(pg_blocking_pids(pid)) from pg_stat_activity)"""
HELLO = {"to": "+79251234567", "text": "Hello"}


def sql(statement):
    arguments = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", PG, "-c", statement]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Failed(f"psql: {done.stderr}")
    return done.stdout


@contextlib.contextmanager
def locked(table):
    """A transaction that somebody has left open, and that has locked a table."""
    with PROGRAMS.start(["psql", "-qX", PG], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as psql:
        psql.stdin.write(f"begin; lock table {OWN}.{table} in access exclusive mode;\n")
        psql.stdin.flush()
        yield


# --- Several processes, with PostgreSQL and Redis ---


def several_processes(lab):
    database, queue = Relay(PG, 5432), Relay(REDIS, 6379)
    lab.settings |= {
        "SMS_STORE": f"{database.url}{'&' if '?' in PG else '?'}schema={OWN}",
        "SMS_QUEUE": f"{queue.url}?prefix={OWN}",
        "SMS_PROVIDER": "sandbox:",
    }
    lab.serve("api", roles="api,ui")
    lab.serve("worker", roles="worker")
    lab.watch()
    queue_away(lab, queue)
    slow_database(lab)
    forgotten_transactions(lab)
    worker_killed(lab)
    database_away(lab, database)


def queue_away(lab, queue):
    fault = Fault(lab, "Redis refuses connections", "SmsQueueDegraded")
    queue.cut()
    fault.fires()
    line = r'WARN .*the queue redis:\S+ fails: .*reason="Redis at \S+ cannot be reached'
    fault.shows("SmsQueueDegraded", "log: `the queue … fails`, with the reason", lambda: re.search(line, lab.log("worker")))
    lab.becomes(lab.send(1)[0], "delivered")
    queue.restore()
    fault.ends()


def slow_database(lab):
    fault = Fault(lab, "each insert waits 0.8 s for a trigger in PostgreSQL", "SmsAcceptSlow")
    sql(f"""create function {OWN}.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.8); return new; end';
            create trigger slow before insert on {OWN}.messages for each row execute function {OWN}.slow()""")
    fault.fires(lambda: lab.api("/v1/messages", HELLO))
    slow = threading.Thread(target=lambda: [lab.api("/v1/messages", HELLO) for _ in range(5)], daemon=True)
    slow.start()
    fault.shows("SmsAcceptSlow", "pg_stat_activity: the insert, and what it waits for",
                lambda: re.search(rf"active\|Timeout\|PgSleep\|.*INSERT INTO {OWN}\.messages", sql(ACTIVITY)))
    slow.join()
    sql(f"drop trigger slow on {OWN}.messages")
    fault.ends()


def forgotten_transactions(lab):
    """Messages are accepted and sent without these two tables."""
    lines = {"SmsCaretakerStuck": "the caretaker's step `infer` fails", "SmsEventLogNotCounted": "the counting for charts fails"}
    fault = Fault(lab, "a transaction that was left open has locked a table", *lines)
    with locked("aliases"), locked("rollups"):
        fault.fires()
        for name, line in lines.items():
            fault.shows(name, f"log: `{line}`, because of a `lock timeout`",
                        lambda line=line: re.search(f"WARN .*{line}.*lock timeout", lab.log("worker")))
            fault.shows(name, "pg_blocking_pids: the transaction",
                        lambda: re.search(rf"idle in transaction.*lock table {OWN}", sql(BLOCKING)))
        lab.becomes(lab.send(1)[0], "sent")
        # A new process knows no time at which the work last went through.
        for name, roles in (("api", "api,ui"), ("worker", "worker")):
            lab.end(name)
            lab.serve(name, roles)
        fault.again("the same, from the start of the processes on")
        fault.fires()
    # `purge`, which needs a locked table, is tried again after ten minutes or by a new process.
    lab.end("worker")
    lab.serve("worker", roles="worker")
    fault.ends()


def worker_killed(lab):
    fault = Fault(lab, "the only worker is killed while messages wait",
                  "SmsProcessDown", "SmsNoWorker", "SmsUrgentQueueOld", "SmsQueueOld")
    lab.end("worker", signal.SIGKILL)
    waiting = lab.send(2, **{"class": "otp"}) + lab.send(2)
    fault.fires()
    target = f"127.0.0.1:{lab.ports['worker'][1]}"
    fault.shows("SmsProcessDown", "the description names the process",
                lambda: target in lab.alerts("firing")["SmsProcessDown"]["annotations"]["description"])
    fault.shows("SmsNoWorker", "/v1/workers: none", lambda: lab.api("/v1/workers")["data"] == [])
    for name, lane in (("SmsUrgentQueueOld", "urgent"), ("SmsQueueOld", "normal")):
        fault.shows(name, f"SmsNoWorker fires, too, and /v1/queue has jobs in the lane {lane}",
                    lambda lane=lane: "SmsNoWorker" in lab.alerts("firing") and lab.api("/v1/queue")["lanes"][lane]["ready"] == 2)
    lab.serve("worker", roles="worker")
    for message in waiting:
        lab.becomes(message, "delivered")
    fault.ends()


def database_away(lab, database):
    fault = Fault(lab, "PostgreSQL refuses connections", "SmsStoreDown", "SmsAcceptErrors")
    database.cut()
    fault.fires(lambda: lab.answer("/v1/messages", HELLO))
    ready = lambda: '"cause":"unreachable"' in request(lab.url("api", "/readyz"))[1]
    fault.shows("SmsStoreDown", "/readyz: `unreachable`", ready)
    fault.shows("SmsAcceptErrors", "503 `unavailable`, and /readyz: `unreachable`",
                lambda: ready() and lab.answer("/v1/messages", HELLO)[1]["code"] == "unavailable")
    database.restore()
    wait_for("messages are accepted", lambda: lab.api("/v1/messages", HELLO))
    fault.ends()


# --- One process, with a simulator of sms.ru ---


def provider(lab):
    # Noon: early in a day the pace of that day is not known.
    ahead = 12 - time.gmtime().tm_hour
    lab.settings["SMS_TIMEZONE"] = f"Etc/GMT{-ahead:+d}"
    lab.simulate_sms_ru(poll_first_seconds=2)
    lab.serve("one")
    address = lab.command("callback", "add", lab.url("one")).split()[-1]
    lab.watch()
    refused_messages(lab)
    daily_limit(lab)
    money(lab)
    forged_callback(lab, address)
    other_key(lab)


def refused_messages(lab):
    fault = Fault(lab, "the provider refuses 20 messages and does not deliver 40 others", "SmsFailures", "SmsUndelivered")
    for number in range(20):
        lab.simulate("refusals", {"phone": f"7925{1000 + number:07}", "code": 207})
    lab.simulate("delivery", {"delivery": "failed", "code": 104})
    lab.send(20, first=1000)
    lab.send(40, first=2000)
    fault.fires()
    codes = lambda: {it["code"]: (it["failed"], it["undelivered"]) for it in lab.api("/v1/stats/series")["by_code"]}
    fault.shows("SmsFailures", "failures by code: 207", lambda: codes()[207] == (20, 0))
    fault.shows("SmsUndelivered", "failures by code: 104", lambda: codes()[104] == (0, 40))
    lab.simulate("delivery", {"delivery": "delivered"})
    fault.ends()


def account(lab):
    return lab.api("/v1/provider")["account"]


def daily_limit(lab):
    fault = Fault(lab, "nearly as many messages are sent as the account may send in a day", "SmsDailyLimitNear")
    used = account(lab)["used_today"]
    lab.simulate("limit", {"daily_limit": used + 2})
    fault.fires()
    fault.shows("SmsDailyLimitNear", "/v1/provider: the limit, and how much of it is used",
                lambda: (account(lab)["used_today"], account(lab)["daily_limit"]) == (used, used + 2))
    lab.simulate("limit", {"daily_limit": None})
    fault.ends()


def money(lab):
    lab.becomes(lab.send(60, first=3000)[-1], "delivered")
    spent = wait_for("costs are known", lambda: float(account(lab)["runway"]["spent_today"]))
    fault = Fault(lab, "the account has as much money as half a day costs", "SmsBalanceLow")
    lab.simulate("balance", {"balance": f"{spent:.2f}"})
    fault.fires()
    fault.shows("SmsBalanceLow", "/v1/provider: the balance and its runway", lambda: account(lab)["runway"]["balance_days"] < 2)
    lab.simulate("balance", {"balance": "100000"})
    fault.ends()

    fault = Fault(lab, "the account has no money", "SmsBalanceUsedUp")
    lab.simulate("balance", {"balance": "0"})
    fault.fires()
    message = lab.send(1)[0]
    fault.shows("SmsBalanceUsedUp", "/v1/provider: paused with 201", lambda: lab.api("/v1/provider")["pause"]["code"] == 201)
    lab.simulate("balance", {"balance": "100000"})
    lab.becomes(message, "delivered")
    fault.ends()


def forged_callback(lab, address):
    fault = Fault(lab, "a callback with a wrong hash", "SmsCallbacksRefused")
    forged = b"data[1]=sms_status%0A202647-1000000%0A103%0A1782000000&hash=" + b"0" * 64
    if request(address, forged)[0] != 403:
        raise Failed("a forged callback is not refused")
    fault.fires()
    fault.shows("SmsCallbacksRefused", "log: `callback refused`, with the reason",
                lambda: re.search("callback refused .*the hash of the callback is wrong", lab.log("one")))
    fault.shows("SmsCallbacksRefused", "/v1/provider: it was refused, and others were accepted",
                lambda: (it := lab.api("/v1/provider")["callbacks"])["refused"] == 1 and it["accepted"] > 0)
    fault.ends()


def other_key(lab):
    fault = Fault(lab, "the key of the account was changed at the provider", "SmsProviderPaused")
    lab.end("simulator")
    lab.simulate_sms_ru(api_id="ANOTHER")
    message = lab.send(1)[0]
    fault.fires()
    fault.shows("SmsProviderPaused", "/v1/provider: `pause` with 200", lambda: lab.api("/v1/provider")["pause"]["code"] == 200)
    lab.end("simulator")
    lab.simulate_sms_ru()
    lab.becomes(message, "delivered")
    fault.ends()


# --- A provider that does not answer ---


def silent_provider(lab):
    lab.simulate_sms_ru(poll_first_seconds=2)
    lab.serve("one")
    lab.watch()
    fault = Fault(lab, "the provider answers after 7 s", "SmsProviderSlow")
    lab.simulate("faults", {"fault": "delay_reply", "milliseconds": 7000, "forever": True})
    lab.send(30)
    fault.fires()
    fault.shows("SmsProviderSlow", "log: `took_ms` of the attempts",
                lambda: re.search(r"attempt .*took_ms=7\d\d\d\b", lab.log("one")))
    lab.simulate("faults", method="DELETE")
    fault.ends()

    fault = Fault(lab, "the provider accepts messages and does not answer", "SmsMessagesBecomeUnknown", "SmsMessagesStayUnknown",
                  "SmsProviderPaused")
    lab.simulate("faults", {"fault": "silent_after_accept", "on": "*", "forever": True})
    lab.send(15, first=100)
    fault.fires()
    outcomes = lambda: re.findall(r'outcome="unknown"|rescued|provider paused', lab.log("one"))
    fault.shows("SmsMessagesBecomeUnknown", "log: the outcomes, and `provider paused`",
                lambda: outcomes().count('outcome="unknown"') == 15 and "provider paused" in outcomes())
    lab.simulate("faults", method="DELETE")
    lab.api("/v1/provider/resume", {})
    lab.becomes(lab.send(1, first=200)[0], "delivered")
    selection = lab.api("/v1/selections", {"filter": {"status": "unknown"}})
    fault.shows("SmsMessagesStayUnknown", "/v1/selections: the messages", lambda: selection["count"] == 15)
    lab.api(f"/v1/selections/{selection['id']}/resolve", {"resolution": "sent", "reason": "in the list of the provider"})
    wait_for("all are settled", lambda: lab.api(f"/v1/jobs/{selection['id']}")["done"] == 15)
    fault.ends()


# --- A process, its files and its log ---


def process(lab):
    lab.serve("one")
    lab.watch()
    long_read(lab)
    many_connections(lab)
    nobody_reads_the_log(lab)


def long_read(lab):
    fault = Fault(lab, "another program reads SQLite without an end", "SmsSqliteWalLarge")
    with contextlib.closing(sqlite3.connect(lab.folder / "sms.db", isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from messages").fetchone()
        fault.fires(lambda: lab.send(1000, text="A text of some length. " * 20))
        fault.shows("SmsSqliteWalLarge", "the process that has the file open, as fuser shows it",
                    lambda: str(lab.folder / "sms.db") in map(os.path.realpath, pathlib.Path("/proc/self/fd").iterdir()))
    fault.ends()
    wait_for("the file is small again", lambda: (lab.folder / "sms.db-wal").stat().st_size <= 64 << 20)
    wait_for("all are sent", lambda: lab.api("/v1/queue")["lanes"]["normal"]["ready"] == 0, 120)


def many_connections(lab):
    lab.end("one")
    # The limit that most systems give to a process.
    lab.serve("one", files=1024)
    fault = Fault(lab, "a client opens 760 connections, with at most 1,024 files", "SmsFileDescriptorsNearLimit")
    with contextlib.ExitStack() as connections:
        for _ in range(760):
            connections.enter_context(socket.create_connection(("127.0.0.1", lab.ports["one"][0])))
        fault.fires()
        fault.shows("SmsFileDescriptorsNearLimit", "panel: a step up", lambda: lab.query("delta(process_open_fds[30s])")[0] > 600)
    fault.ends()


def nobody_reads_the_log(lab):
    fault = Fault(lab, "nobody reads the pipe that is the standard error", "SmsLogLinesDropped")
    lab.end("one")
    reader, writer = os.pipe()
    lab.serve("one", stderr=writer)
    os.close(writer)
    for _ in range(12):
        lab.send(1000)
    fault.fires()
    told = threading.Event()

    def read():
        with os.fdopen(reader, errors="replace") as log:
            for line in log:
                if "log lines were dropped" in line:
                    told.set()

    threading.Thread(target=read, daemon=True).start()
    fault.shows("SmsLogLinesDropped", "log: `… log lines were dropped`, once it is read", told.is_set)
    fault.ends()


LABS = [several_processes, provider, silent_provider, process]


def run(lab, scenarios):
    try:
        scenarios(lab)
    except Failed as failed:
        lab.result.fail(str(failed))
    except Exception as error:  # The other labs go on.
        lab.result.fail(f"{lab.name}: {type(error).__name__}: {error}")


def main(server, simulator):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    result, folder = Result(), pathlib.Path(tempfile.mkdtemp())
    try:
        rules = shortened(CHANGES)
        labs = [Lab(it.__name__, server, simulator, folder, rules, result) for it in LABS]
        threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in zip(labs, LABS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in names():
            if name not in result.fired:
                result.fail(f"{name}: no fault made it fire")
            elif name not in result.shown:
                result.fail(f"{name}: nothing that docs/OPERATIONS.md says to look at was seen")
        for lab in labs if result.failed else []:
            for log in sorted(lab.folder.glob("*.log")):
                end = [line[:300] for line in log.read_text(errors="replace").splitlines()[-8:]]
                print(f"--- {lab.name}, {log.name}", *end, sep="\n", file=sys.stderr)
    finally:
        PROGRAMS.end()
        with contextlib.suppress(Failed, OSError):
            sql(f"set client_min_messages = error; drop schema if exists {OWN} cascade")
        with contextlib.suppress(OSError):
            keys = [f"{{{OWN}}}:{lane}{held}" for lane in ("urgent", "normal", "bulk") for held in ("", ":held")]
            subprocess.run(["redis-cli", "-u", REDIS, "unlink", f"{{{OWN}}}:bell", *keys], stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if result.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*map(os.path.realpath, sys.argv[1:])))
