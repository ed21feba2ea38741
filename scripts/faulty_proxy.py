"""faulty_proxy.py URL PROGRAM [ARGUMENT…]: runs a client of the API through a proxy that fails.

The program gets the proxy's address in SMS_URL. Each of FAULTS happens once, on the first requests
of its kind. Fails when the program fails, when it does not come to a fault, or when it reopens a
stream of events at another place than the last whole event.
"""

import http.client
import http.server
import os
import subprocess
import sys
import threading
import urllib.parse

STREAM = "stream"
FAULTS = {
    "POST /v1/messages": ["lose the reply", "never reply", "503"],
    "POST /v1/messages/batch": ["lose the reply", "429", "502"],
    "GET /v1/messages": [None, "break off the reply"],
    STREAM: ["cut an event", "cut after an event", "resync"],
}
REFUSALS = {
    "503": (
        "application/problem+json",
        '{"status": 503, "code": "unavailable", "detail": "made up"}',
    ),
    "429": (
        "application/problem+json",
        '{"status": 429, "code": "too_many_wrong_keys", "detail": "made up"}',
    ),
    "502": ("text/html", "<h1>Bad Gateway</h1>"),
}

lock = threading.Lock()
wrong = []
last_id = None


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        streams = "text/event-stream" in self.headers.get("Accept", "")
        kind = STREAM if streams else f"{self.command} {self.path.partition('?')[0]}"
        with lock:
            faults = FAULTS.get(kind)
            fault = faults.pop(0) if faults else None
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault in REFUSALS:
            self.refuse(fault)
        elif fault == "never reply":
            self.rfile.read(1)  # until the client closes
            self.close_connection = True
        elif streams:
            self.relay_events(fault)
        else:
            self.relay(body, fault)

    do_GET = do_POST = answer

    def refuse(self, fault):
        content_type, text = REFUSALS[fault]
        self.head(
            int(fault),
            [
                ("Content-Type", content_type),
                ("Content-Length", str(len(text))),
                ("Retry-After", "1"),
            ],
        )
        self.wfile.write(text.encode())

    def ask(self, body, headers):
        upstream = http.client.HTTPConnection(target, timeout=60)
        upstream.request(self.command, self.path, body, headers)
        return upstream.getresponse()

    def relay(self, body, fault):
        reply = self.ask(
            body, {name: value for name, value in self.headers.items() if name != "Host"}
        )
        content = reply.read()
        self.close_connection = fault is not None
        if fault == "lose the reply":
            return
        self.head(reply.status, reply.getheaders())
        self.wfile.write(content[: len(content) // 2] if fault else content)

    def relay_events(self, fault):
        """Relays a stream in a form that is harder to read: CR LF, comments, data in two lines."""
        global last_id
        begin = self.headers.get("Last-Event-ID")
        if last_id is not None and begin != last_id:
            wrong.append(
                f"a stream was reopened at {begin}, not at the last whole event, {last_id}"
            )
        headers = {"Authorization": self.headers["Authorization"], "Accept": self.headers["Accept"]}
        # The cursor of long ago is answered with the event `resync`.
        headers["Last-Event-ID"] = "1-1763890200" if fault == "resync" else begin
        reply = self.ask(b"", headers)
        self.head(reply.status, reply.getheaders())
        self.close_connection = True
        block_id, has_data = None, False
        while line := reply.readline().rstrip(b"\n"):
            while line:
                if line.startswith(b"id: "):
                    block_id = line[4:].decode()
                if line.startswith(b"data: {"):
                    has_data = True
                    if fault == "cut an event":
                        self.chunk(line[: len(line) // 2])
                        return
                    self.chunk(b"data:{\r\n: a comment\r\ndata:" + line[7:] + b"\r\n")
                else:
                    self.chunk(line + b"\r\n")
                line = reply.readline().rstrip(b"\n")
            self.chunk(b"\r\n")
            last_id = block_id or last_id
            if has_data and fault == "cut after an event":
                return

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def head(self, status, headers):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that closes its connection is no error."""


def main():
    proxy = Server(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{proxy.server_port}"
    status = subprocess.run(
        sys.argv[2:], check=False, env={**os.environ, "SMS_URL": address}
    ).returncode
    unused = [f"{kind}: {fault}" for kind, faults in FAULTS.items() for fault in faults]
    for line in wrong + [f"the program did not come to this fault: {fault}" for fault in unused]:
        print(line)
        status = status or 1
    return status


target = urllib.parse.urlsplit(sys.argv[1]).netloc
sys.exit(main())
