#!/usr/bin/env python3
"""check_proxies.py SERVER NGINX CADDY: runs the configurations in deploy/proxy in front of a server, all on loopback.

Through each of them, at the top and under a path: a message and a large batch are accepted, events come as they happen, the
server counts wrong keys by the address of the client, which nobody can pretend, and no log shows a phone number.
"""

import http.client
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

DEPLOY = pathlib.Path(__file__).resolve().parent.parent / "deploy" / "proxy"
KEY = "a key of the check of proxies"
NUMBER = "+79251234567"
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def must(condition, what):
    if not condition:
        raise SystemExit(f"check_proxies: {what}")


def replaced(text, *pairs):
    """The text with each first replaced by its second, which must all occur."""
    for old, new in pairs:
        must(old in text, f"{old!r} is no longer in the configuration")
        text = text.replace(old, new)
    return text


class Process:
    """A process that ends with this check."""

    def __init__(self, name, command, folder, **environment):
        self.name, self.log = name, folder / f"{name}.log"
        known = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder, env=known | environment, stdout=log, stderr=log,
            )

    def wait_for(self, port):
        for _ in range(100):
            must(self.process.poll() is None, f"{self.name} has ended:\n{self.log.read_text()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        must(False, f"{self.name} does not listen:\n{self.log.read_text()}")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Site:
    """The server as clients see it, at a port and below a path."""

    def __init__(self, name, port, path, network):
        self.name, self.port, self.path, self.network = name, port, path, network

    def connect(self, client):
        source = (f"127.0.{self.network}.{client}", 0)
        return http.client.HTTPSConnection(
            "localhost", self.port, timeout=15, context=TLS, source_address=source
        )

    def ask(self, method, path, body=None, client=9, key=KEY, **headers):
        connection = self.connect(client)
        headers |= {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, self.path + path, body and json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.headers.get_content_type(), reply.read()
        finally:
            connection.close()

    def check(self):
        status, _, _ = self.ask("GET", f"/v1/messages?to={NUMBER.replace('+', '%2B')}")
        must(status == 200, f"{self.name}: a list is answered with {status}")
        self.check_addresses()
        self.check_bodies()
        _, kind, _ = self.ask("GET", "/metrics")
        must(kind != "application/problem+json", f"{self.name}: /metrics reaches the server")
        print(f"ok      {self.name}")

    def check_bodies(self):
        """The largest batch passes: some megabytes."""
        text = "Ваш заказ готов. " * 30
        batch = {"messages": [{"to": NUMBER, "text": f"{text}{n}"} for n in range(1000)]}
        size = len(json.dumps(batch)) >> 10
        status, _, body = self.ask("POST", "/v1/messages/batch", batch)
        must(status in (200, 202, 207), f"{self.name}: {size} KiB are answered with {status}: {body[:300]}")

    def check_events(self):
        """Each event comes when it happens, not when a buffer is full."""
        _, _, page = self.ask("GET", "/v1/events")
        after = json.loads(page)["next"]
        connection = self.connect(8)
        headers = {"Authorization": f"Bearer {KEY}", "Accept": "text/event-stream"}
        end = time.monotonic() + 8
        try:
            connection.request("GET", f"{self.path}/v1/events?after={after}", headers=headers)
            connection.sock.settimeout(8)
            stream = connection.getresponse()
            must(stream.status == 200, f"{self.name}: a stream is answered with {stream.status}")
            sent = {"to": NUMBER, "text": "Код 1234", "class": "otp"}
            status, _, body = self.ask("POST", "/v1/messages", sent)
            must(status == 202, f"{self.name}: a message is answered with {status}")
            message = json.loads(body)["id"].encode()
            while time.monotonic() < end:
                if message in stream.readline():
                    return
        except TimeoutError:
            pass
        finally:
            connection.close()
        must(False, f"{self.name}: events are held back")

    def check_addresses(self):
        """Wrong keys lock out the client that sends them, and no other."""
        tries = [self.ask("GET", "/v1/me", client=1, key="wrong")[0] for _ in range(25)]
        must(tries[-1] == 429, f"{self.name}: 25 wrong keys are answered with {tries[-1]}")
        status = self.ask("GET", "/v1/me", client=2, key="wrong")[0]
        must(status == 401, f"{self.name}: another client is answered with {status}: its address is not known")
        pretended = {"X-Forwarded-For": f"127.0.{self.network}.1"}
        status = self.ask("GET", "/v1/me", client=3, key="wrong", **pretended)[0]
        must(status == 401, f"{self.name}: a client can pretend to have another address ({status})")


def start_nginx(program, folder, upstream):
    plain, port, under_path = free_port(), free_port(), free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", folder / "key.pem", "-out", folder / "chain.pem"],
        check=True, capture_output=True,
    )
    include = folder / "sms-proxy.inc"
    include.write_text((DEPLOY / "sms-proxy.inc").read_text())
    paths = [("/etc/nginx/sms-proxy.inc", str(include)), ("/var/log/nginx/sms.log", str(folder / "access.log"))]
    errors = ("/var/log/nginx/sms-errors.log", str(folder / "errors.log"))
    site = replaced(
        (DEPLOY / "nginx.conf").read_text(), *paths, errors,
        ("127.0.0.1:8080", upstream), ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("    listen [::]:80;\n", ""), ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("/etc/ssl/sms/fullchain.pem", str(folder / "chain.pem")), ("/etc/ssl/sms/privkey.pem", str(folder / "key.pem")),
    )
    below = replaced((DEPLOY / "nginx-base-path.conf").read_text(), *paths)
    temporary = "".join(
        f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Worker processes of root's would not reach the folder as another user.
    user = "user root;\n" if os.geteuid() == 0 else ""
    whole = f"""{user}daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
{temporary}{site}
    server {{
        listen 127.0.0.1:{under_path} ssl;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
{below}
    }}
}}
"""
    (folder / "nginx.conf").write_text(whole)
    command = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
    test = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    must(test.returncode == 0, f"nginx refuses the configuration:\n{test.stderr}")
    nginx = Process("nginx", command, folder)
    nginx.wait_for(port)
    return nginx, plain, [Site("nginx", port, "", 1), Site("nginx under a path", under_path, "/sms", 2)]


def start_caddy(program, folder, upstream, name, path, network):
    port = free_port()
    base = (DEPLOY / "Caddyfile").read_text()
    test = f"{{\n\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttp_port {free_port()}\n\thttps_port {port}\n"
    site = "\n{$SITE_ADDRESS"
    must(site in base, "the site is no longer in Caddyfile")
    text = replaced(base, ("\n{\n", "\n" + test))
    if path:
        text = text[: text.index(site)] + "\n" + (DEPLOY / "Caddyfile.base-path").read_text()
    config = folder / f"Caddyfile{network}"
    config.write_text(text)
    environment = {"SITE_ADDRESS": "localhost", "UPSTREAM": upstream}
    command = [program, "run", "--adapter", "caddyfile", "--config", config]
    caddy = Process(name.replace(" ", "-"), command, folder, **environment)
    caddy.wait_for(port)
    return caddy, Site(name, port, path, network)


def run(server, nginx_program, caddy_program, folder, processes):
    port = free_port()
    processes.append(Process(
        "server", [server], folder, SMS_STORE=f"sqlite:{folder}/sms.db", SMS_LISTEN=f"127.0.0.1:{port}",
        SMS_ADMIN_KEY=KEY, SMS_TRUSTED_PROXIES="127.0.0.1",
    ))
    processes[0].wait_for(port)
    upstream = f"127.0.0.1:{port}"
    nginx, plain, sites = start_nginx(nginx_program, folder, upstream)
    processes.append(nginx)
    for name, path, network in (("caddy", "", 3), ("caddy under a path", "/sms", 4)):
        caddy, site = start_caddy(caddy_program, folder, upstream, name, path, network)
        processes.append(caddy)
        sites.append(site)
    # First, while nothing else happens: many events fill any buffer.
    for site in sites:
        site.check_events()
    for site in sites:
        site.check()

    connection = http.client.HTTPConnection("127.0.0.1", plain, timeout=5)
    connection.request("POST", "/v1/messages")
    must(connection.getresponse().status == 308, "nginx does not lead from http to https")
    connection.close()
    must((folder / "access.log").read_text().count("/v1/messages 200") == 2, "nginx logs no requests")
    for log in folder.glob("*.log"):
        must(NUMBER[1:] not in log.read_text(), f"a phone number is in {log.name}")


def main():
    server, nginx, caddy = (str(pathlib.Path(part).resolve()) for part in sys.argv[1:4])
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(server, nginx, caddy, pathlib.Path(folder), processes)
        finally:
            for process in reversed(processes):
                process.end()


if __name__ == "__main__":
    main()
