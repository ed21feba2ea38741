"""Sends messages, follows them to their end, reads the history, and handles each error.

    pip install requests
    SMS_URL=http://127.0.0.1:8080 SMS_KEY=sms_test_… python send_and_follow.py

The class `Sms` is the client. `main` needs a test key with the scopes `send` and `read`.
"""

import json
import os
import random
import sys
import time
import uuid

import requests

FINAL = {"delivered", "undelivered", "failed", "expired", "cancelled"}
NETWORK = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Problem(Exception):
    """An answer that is an error, in the form of RFC 9457 unless a proxy wrote it."""

    def __init__(self, response):
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {}
        if not isinstance(body, dict):
            body = {}
        self.status = response.status_code
        self.code = body.get("code", "")
        self.errors = body.get("errors", [])
        self.request_id = response.headers.get("X-Request-Id", "")
        self.retry_after = response.headers.get("Retry-After", "")
        super().__init__(f"{self.status} {self.code or response.reason}: {body.get('detail', '')}")


class NoReply(Exception):
    """No reply, or none in time. Nobody knows if the request was done."""


class Sms:
    """A client of the server.

    Requests are repeated when that can help, and safely: those that send have an idempotency key.
    `timeout` is for how many seconds the server may be silent; it answers within 15, if only that
    it is busy. `patience` is for how many seconds a request is repeated.
    """

    def __init__(self, url, key, timeout=20, patience=120):
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._patience = patience
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def me(self):
        """The client and the rights of the key."""
        return self.call("GET", "/v1/me").json()

    def send(self, message, idempotency_key):
        """Sends a message once, however often this is called with the key within 72 hours.

        Returns the message, and whether an earlier call had sent it.
        """
        headers = {"Idempotency-Key": idempotency_key}
        response = self.call("POST", "/v1/messages", json=message, headers=headers)
        return response.json(), response.headers.get("Idempotency-Replayed") == "true"

    def send_batch(self, messages):
        """Sends up to 1000 messages, each with its own `idempotency_key`.

        Returns one result for each: the message (it has an `id`), or an `error`. Those with a 5xx
        are sent again.
        """
        results = [None] * len(messages)
        left = list(range(len(messages)))
        for pause in _pauses(self._patience):
            batch = {"messages": [messages[index] for index in left]}
            reply = self.call("POST", "/v1/messages/batch", json=batch).json()
            for index, result in zip(left, reply["results"]):
                results[index] = result
            left = [i for i in left if results[i].get("error", {}).get("status", 0) >= 500]
            if not left:
                break
            time.sleep(pause)
        return results

    def message(self, message_id):
        """One message with its timeline."""
        return self.call("GET", f"/v1/messages/{message_id}").json()

    def cancel(self, message_id):
        """Cancels a message that is queued.

        409 `conflict` when it is not, which may be the work of a call whose reply was lost.
        """
        return self.call("POST", f"/v1/messages/{message_id}/cancel").json()

    def messages(self, **filters):
        """Every message that the filters find, newest first, page by page."""
        while True:
            page = self.call("GET", "/v1/messages", params=filters).json()
            yield from page["data"]
            # A page may be short, or even empty, without being the last.
            if page["next_cursor"] is None:
                return
            filters["cursor"] = page["next_cursor"]

    def count(self, **filters):
        """How many messages the filters find."""
        return self.call("GET", "/v1/messages/count", params=filters).json()["count"]

    def cursor(self):
        """The end of the log of events. Take it before sending, and no event is missed."""
        return self.call("GET", "/v1/events").json()["next"]

    def events(self, cursor, seconds):
        """The events after the cursor, as they happen, for that many seconds.

        Up to 15 more when it is quiet. Yields `(name, event)`. The name is the event's kind; or
        `resync` when events may have been lost: read the messages again that you wait for.
        A program that keeps `event["cursor"]` goes on from there after its own restart.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                headers = {
                    "Accept": "text/event-stream",
                    "Accept-Encoding": "identity",
                    "Last-Event-ID": cursor,
                }
                # A stream that is silent for three heartbeats is dead.
                options = {"headers": headers, "stream": True, "timeout": 45}
                with self.call("GET", "/v1/events", **options) as stream:
                    # A larger chunk would be waited for until it is full.
                    for last_id, name, data in read_events(stream.iter_content(chunk_size=1)):
                        cursor = last_id or cursor
                        if data:
                            yield name, json.loads(data)
                        if time.monotonic() >= end:
                            return
            except NETWORK:
                pass
            # It ended or broke. The next one begins after the last event that came whole.
            time.sleep(random.uniform(1, 2))

    def wait(self, ids, cursor, seconds):
        """Waits for the ends of messages that were sent after the cursor.

        Returns the statuses by id. The end is a final status, `unknown` (a person settles it, if no
        receipt does), or `sent` after the server has given up waiting for a receipt. After
        `seconds` it is whatever was seen last, or None.
        """
        statuses = dict.fromkeys(ids)
        waiting = set(ids)

        def see(message_id, status, kinds):
            statuses[message_id] = status
            if status in FINAL or status == "unknown" or "receipt_given_up" in kinds:
                waiting.discard(message_id)

        for name, event in self.events(cursor, seconds):
            if name == "resync":
                for message_id in list(waiting):
                    message = self.message(message_id)
                    kinds = {step["kind"] for step in message["timeline"]}
                    see(message_id, message["status"], kinds)
            elif event["message_id"] in waiting:
                see(event["message_id"], event["status"], {name})
            if not waiting:
                break
        return statuses

    def call(self, method, path, **options):
        """One request, repeated while that can help. Raises a `Problem` or `NoReply`."""
        for pause in _pauses(self._patience):
            try:
                return self._once(method, path, **options)
            except NoReply as error:
                last = error
            except Problem as problem:
                # The others are answers to this request: repeating it would change nothing.
                if problem.status not in (408, 429) and problem.status < 500:
                    raise
                last = problem
                if problem.retry_after.isdecimal():
                    pause = max(pause, int(problem.retry_after))
            time.sleep(pause)
        raise last

    def _once(self, method, path, timeout=None, **options):
        try:
            options = {"timeout": timeout or self._timeout, "allow_redirects": False, **options}
            response = self._session.request(method, self._url + path, **options)
            if not 200 <= response.status_code < 300:
                with response:
                    raise Problem(response)
            return response
        except NETWORK as error:
            raise NoReply(f"{method} {path}: {error}") from error


def _pauses(patience):
    """Waiting times that double up to 10 s, each with chance in it, until patience ends."""
    end = time.monotonic() + patience
    pause = 0.25
    while time.monotonic() < end:
        yield pause * random.uniform(0.5, 1)
        pause = min(pause * 2, 10)


def read_events(bytes_of_stream):
    """Server-sent events as the HTML standard reads them: yields (last id, name, data).

    A block without data is a heartbeat and may bring an id; its data is empty. What a broken
    connection leaves of a block is dropped.
    """
    last_id, name, data = "", "", []
    for line in _lines(bytes_of_stream):
        if not line:
            yield last_id, name or "message", "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
        # A line that begins with a colon is a comment: its field is empty.


def _lines(bytes_of_stream):
    """Lines that end with LF, CR LF or CR, as soon as they have arrived."""
    line, after_cr = bytearray(), False
    for byte in bytes_of_stream:
        if not (after_cr and byte == b"\n"):
            if byte in (b"\r", b"\n"):
                yield line.decode("utf-8", "replace")
                line.clear()
            else:
                line += byte
        after_cr = byte == b"\r"


def main():
    url, key = os.environ.get("SMS_URL"), os.environ.get("SMS_KEY")
    if not url or not key:
        sys.exit("set SMS_URL and SMS_KEY")
    sms = Sms(url, key)
    if sms.me()["kind"] != "test":
        sys.exit("SMS_KEY must be a test key: the numbers below belong to somebody")

    # Everything of this run can be found by its reference.
    run = f"order-{uuid.uuid4()}"
    cursor = sms.cursor()

    # One message. The same key again: the same message.
    hello = {"to": "+79251234567", "text": "Your order is ready", "reference": run}
    first, _ = sms.send(hello, run)
    again, replayed = sms.send(hello, run)
    expect(replayed and again["id"] == first["id"], "a repeat must find the first message")

    # A batch. A bad message does not stop the others.
    recipients = ["+79251234568", "nobody", "8 (925) 123-45-69"]
    batch = [
        {"to": to, "text": "Ready", "reference": run, "idempotency_key": f"{run}-{index}"}
        for index, to in enumerate(recipients)
    ]
    two, three, four = sms.send_batch(batch)
    expect("id" in two and "id" in four, "both good messages of the batch must be accepted")
    expect(three["error"]["code"] == "phone_invalid", "the bad message must be refused")
    print("refused:", three["error"]["detail"])

    # The ends, as events.
    ids = {first["id"], two["id"], four["id"]}
    statuses = sms.wait(ids, cursor, 60)
    print("ended:", ", ".join(sorted(statuses.values())))
    expect(set(statuses.values()) == {"delivered"}, f"every message must be delivered: {statuses}")

    # The history, two on a page.
    found = [message["id"] for message in sms.messages(reference=run, limit=2)]
    expect(len(found) == 3 and set(found) == ids, "the history must have every message once")
    filters = {"reference": run, "status": "delivered,undelivered", "content": "false"}
    expect(len(list(sms.messages(**filters, limit=2))) == 3, "the filter must find the ended ones")
    expect(sms.count(reference=run) == 3, "the count must be that of the list")

    # The errors that are answers: no repeat helps, the program or its user has to act.
    refused(
        400, "field_unknown", lambda: sms.send({**hello, "txt": "a typing error"}, f"{run}-400")
    )
    refused(401, "unauthorized", lambda: Sms(url, key[:-1] + "!").me())
    refused(403, "scope_missing", lambda: sms.call("GET", "/v1/clients"))
    refused(404, "not_found", lambda: sms.message("00000000-0000-7000-8000-000000000000"))
    refused(409, "conflict", lambda: sms.cancel(first["id"]))
    # A cursor that is too old. Read the messages again, then go on without `after`.
    old = {"after": "8172-1763890200"}
    refused(410, "events_gone", lambda: sms.call("GET", "/v1/events", params=old))
    refused(413, "body_too_large", lambda: sms.send({**hello, "text": "x" * 70_000}, f"{run}-413"))
    # `data=` is a form or a text; `json=` also sends the Content-Type.
    refused(415, "content_type", lambda: sms.call("POST", "/v1/messages", data=json.dumps(hello)))
    refused(422, "idempotency_key_reused", lambda: sms.send({**hello, "text": "Other"}, run))


def refused(status, code, call):
    try:
        call()
    except Problem as problem:
        seen = (problem.status, problem.code)
        expect(seen == (status, code), f"{status} {code} expected: {problem}")
        print("refused:", problem)
    else:
        sys.exit(f"{status} {code} expected, but the request succeeded")


def expect(condition, message):
    if not condition:
        sys.exit(message)


if __name__ == "__main__":
    try:
        main()
    except (Problem, NoReply) as error:
        sys.exit(f"{type(error).__name__}: {error}")
