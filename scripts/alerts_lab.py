"""alerts_lab.py: what alerts.py works with: installations on loopback, each with a Prometheus of its own; faults and their
alerts; connections that can be cut."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "deploy/monitoring/rules/sms.yaml"
# For a fault to fire its alerts, and for them to end after it.
PATIENCE = 120


class Failed(Exception):
    """Something is not as it should be, or was not in time."""


class Result:
    """What has happened. Shared by the labs, which run at the same time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.fired, self.shown, self.failed = set(), set(), []

    def say(self, line):
        with self.lock:
            print(line, flush=True)

    def fail(self, line):
        self.failed.append(line)
        self.say(f"FAILED  {line}")


class Programs:
    """All that was started. Nothing starts any more once they are ended."""

    def __init__(self):
        self.lock = threading.Lock()
        self.started, self.closed = [], False

    def start(self, arguments, **options):
        with self.lock:
            if self.closed:
                raise Failed("interrupted")
            process = subprocess.Popen(arguments, **options)
            self.started.append(process)
        return process

    def end(self):
        with self.lock:
            self.closed = True
        for process in self.started:
            # Those that have ended are reaped, so no other process can have their id.
            if process.poll() is None:
                process.kill()
                process.wait(10)


PROGRAMS = Programs()


def wait_for(what, condition, seconds=30):
    """Returns the first true value of the condition."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError, LookupError):
            if value := condition():
                return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.2)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def request(url, body=None, headers=(), method=None):
    """The status and the text of the answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def names():
    """The alerts of the rules."""
    return re.findall(r"- alert: (\w+)", RULES.read_text())


def shortened(changes):
    """The rules with these changes: (alert, or None for all; pattern; replacement; reason)."""
    blocks = re.split(r"(?=\n +- alert: )", RULES.read_text())
    for alert, pattern, replacement, _ in changes:
        found = 0
        for at, block in enumerate(blocks):
            if alert is None or f"- alert: {alert}\n" in block:
                blocks[at], times = re.subn(pattern, replacement, block)
                found += times
        if not found:
            raise Failed(f"the rules have no {pattern!r} in {alert or 'any alert'}, which the table in alerts.py changes")
    return "".join(blocks)


def prometheus():
    """The program. check-alerts.sh unpacks it where it is not installed."""
    unpacked = ROOT / "target/deploy-check/packages/usr/bin/prometheus"
    for name in (os.environ.get("PROMETHEUS"), "prometheus", str(unpacked)):
        if name and (found := shutil.which(name)):
            return found
    raise Failed("Prometheus is missing (Debian: apt-get install prometheus); PROMETHEUS may name it")


class Relay:
    """Hands on connections to the server of an address, until it is cut: then it refuses them, as if that server were down."""

    def __init__(self, url, port):
        parts = urllib.parse.urlsplit(url)
        self.target = (parts.hostname, parts.port or port)
        self.port = free_port()
        user = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{user and user + '@'}127.0.0.1:{self.port}").geturl()
        self.sockets = set()
        self.restore()

    def restore(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def cut(self):
        for it in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(self.target, 5) as server:
            pair = {client: server, server: client}
            self.sockets |= set(pair)
            with contextlib.suppress(OSError):
                while data := (ready := select.select(list(pair), [], [])[0][0]).recv(65536):
                    pair[ready].sendall(data)
            self.sockets -= set(pair)


class Lab:
    """An installation with a Prometheus of its own, since the rules take all processes that it knows as one installation."""

    def __init__(self, name, server, simulator, folder, rules, result):
        self.name, self.server, self.simulator, self.result = name, server, simulator, result
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "rules.yaml").write_text(rules)
        self.key = secrets.token_hex(16)
        self.processes, self.ports = {}, {}
        self.simulator_port, self.prometheus = free_port(), None
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SMS_")}
        self.settings = kept | {"SMS_ADMIN_KEY": self.key, "SMS_SECRET_KEY": secrets.token_hex(32), "SMS_STORE": "sqlite:sms.db"}

    # --- Programs ---

    def start(self, name, arguments, ready, environment=None, stderr=None):
        """Starts a program and waits until this is true."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = PROGRAMS.start(arguments, env=environment or self.settings, cwd=self.folder, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=stderr or log)
        self.processes[name] = process
        try:
            wait_for(f"{name} starts", lambda: process.poll() is not None or ready())
        finally:
            if process.poll() is not None:
                self.result.say(self.log(name)[-2000:])
        if process.poll() is not None:
            raise Failed(f"{name} has ended")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def end(self, name, how=signal.SIGTERM):
        self.processes[name].send_signal(how)
        self.processes[name].wait(60)

    def serve(self, name, roles="api,worker,ui", files=None, stderr=None):
        """Starts a server, with at most so many open files, at the same addresses as before."""
        api, metrics = self.ports.setdefault(name, (free_port(), free_port()))
        environment = self.settings | {
            "SMS_LISTEN": f"127.0.0.1:{api}", "SMS_METRICS_LISTEN": f"127.0.0.1:{metrics}", "SMS_ROLES": roles}
        limited = ["sh", "-c", f'ulimit -n {files}; exec "$0"'] if files else []
        lives = lambda: request(f"http://127.0.0.1:{metrics}/livez")[0] == 200
        self.start(name, [*limited, self.server], lives, environment, stderr)

    def url(self, name, path=""):
        """An address of the API of a process."""
        return f"http://127.0.0.1:{self.ports[name][0]}{path}"

    def command(self, *arguments):
        """Runs a command of sms-server and returns what it prints."""
        done = subprocess.run([self.server, *arguments], env=self.settings, cwd=self.folder, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode:
            raise Failed(f"sms-server {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def simulate_sms_ru(self, api_id="KEY", **parameters):
        """Starts a simulator of sms.ru at the same address as before. It is the provider of the servers that start afterwards."""
        address = f"127.0.0.1:{self.simulator_port}"
        self.settings.setdefault("SMS_PROVIDER", f"smsru+http://KEY@{address}?{urllib.parse.urlencode(parameters)}")
        self.start("simulator", [self.simulator, "--listen", address, "--api-id", api_id],
                   lambda: request(f"http://{address}/simulator")[0] == 200)

    def simulate(self, what, body=None, method=None):
        code, text = request(f"http://127.0.0.1:{self.simulator_port}/simulator/{what}", body, method=method)
        if code != 200:
            raise Failed(f"the simulator: {text}")

    # --- The API, as `api` of docs/OPERATIONS.md ---

    def answer(self, path, body=None):
        """The status and the document of an answer."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        code, text = request(self.url(next(iter(self.ports)), path), body, headers)
        return code, json.loads(text)

    def api(self, path, body=None):
        code, document = self.answer(path, body)
        if code >= 400:
            raise Failed(f"{path} is answered with {code}: {document}")
        return document

    def send(self, count, first=0, **fields):
        """Hands in a batch to numbers that follow each other. Returns the ids."""
        messages = [{"to": f"+7925{first + number:07}", "text": f"Order {number}"} | fields for number in range(count)]
        return [result["id"] for result in self.api("/v1/messages/batch", {"messages": messages})["results"]]

    def becomes(self, identity, *statuses):
        is_there = lambda: self.api(f"/v1/messages/{identity}")["status"] in statuses
        wait_for(f"a message becomes {' or '.join(statuses)}", is_there, 60)

    # --- Prometheus ---

    def watch(self):
        """Starts a Prometheus, and waits until it has watched a healthy installation for a while, and no alert is near."""
        self.becomes(self.send(3, first=900)[0], "delivered")
        targets = [f"127.0.0.1:{metrics}" for _, metrics in self.ports.values()]
        (self.folder / "prometheus.yaml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "sms", "static_configs": [{"targets": targets}]}],
        }))
        port = free_port()
        self.prometheus = f"http://127.0.0.1:{port}"
        self.start("prometheus", [
            prometheus(), "--config.file=prometheus.yaml", "--storage.tsdb.path=prometheus", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{port}"], lambda: request(f"{self.prometheus}/-/ready")[0] == 200)
        wait_for("Prometheus reads all processes", lambda: self.query("sum(up)") == [len(targets)])
        self.is_well()
        time.sleep(12)
        if standing := self.alerts("firing", "pending"):
            raise Failed(f"{self.name}: an alert when all is well: {', '.join(standing)}")

    def ask(self, path):
        return json.loads(request(f"{self.prometheus}/api/v1/{path}")[1])["data"]

    def query(self, expression):
        """The values of an expression."""
        return [float(it["value"][1]) for it in self.ask(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]]

    def alerts(self, *states):
        """The alerts in these states, by their names."""
        return {it["labels"]["alertname"]: it for it in self.ask("alerts")["alerts"] if it["state"] in states}

    def is_well(self):
        """Waits until no alert stands, and checks that Prometheus could evaluate every rule."""
        try:
            wait_for("no alert", lambda: not self.alerts("firing", "pending"), PATIENCE)
        except Failed:
            standing = [f"{name} {it['labels']}" for name, it in self.alerts("firing", "pending").items()]
            raise Failed(f"{self.name}: still there after {PATIENCE} s: {', '.join(standing)}") from None
        for group in self.ask("rules")["groups"]:
            for rule in group["rules"]:
                if rule["health"] != "ok":
                    raise Failed(f"{rule['name']}: {rule.get('lastError', rule['health'])}")


class Fault:
    """A fault, from a healthy installation to a healthy one."""

    def __init__(self, lab, words, *expected):
        self.lab, self.words, self.expected = lab, words, expected
        lab.is_well()
        self.since = time.monotonic()

    def fires(self, meanwhile=lambda: None):
        """Waits until all of its alerts are firing."""
        left = list(self.expected)
        while left:
            firing = self.lab.alerts("firing")
            for name in [name for name in left if name in firing]:
                left.remove(name)
                seconds = time.monotonic() - self.since
                if "<error" in str(firing[name]["annotations"]):
                    self.lab.result.fail(f"{name}: {firing[name]['annotations']}")
                self.lab.result.fired.add(name)
                self.lab.result.say(f"ok  {name}  by: {self.words}  after {seconds:.0f} s")
            if time.monotonic() > self.since + PATIENCE:
                raise Failed(f"{', '.join(left)}  by: {self.words}: not firing after {PATIENCE} s")
            meanwhile()
            time.sleep(0.3)

    def shows(self, name, where, condition):
        """Checks that what the paragraph of the alert says to look at shows this fault."""
        wait_for(f"{name}: docs/OPERATIONS.md leads to {where}", condition, 15)
        self.lab.result.shown.add(name)
        self.lab.result.say(f"    {name}: {where}")

    def again(self, words):
        """A new fault, while the old one stands. Waits until an alert that is not about the new one would have ended."""
        self.words, self.since = words, time.monotonic()
        time.sleep(8)

    def ends(self):
        """Waits until its alerts have ended."""
        self.lab.is_well()
