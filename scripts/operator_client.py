#!/usr/bin/env python3
"""operator_client.py send COUNT REFERENCE URL… | compare REFERENCE URL COUNT [STATUS] | settle REFERENCE URL: the client and the witness of operator.sh and upgrade.sh.
SIMULATOR is the address of smsru-simulator, ADMIN_KEY a key with every scope.

send hands in messages in batches, each under an idempotency key of its own, and repeats at the next address what got no answer.
compare waits for the end of all of them, and compares each with what the simulator accepted: none is missing, none was accepted twice.
A STATUS counts as an end, too. settle decides about those that are unknown, as an operator would."""

import collections
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BATCH = 20
FINAL = {"delivered", "undelivered", "failed", "expired", "cancelled"}


def call(url, body=None):
    headers = {"Authorization": "Bearer " + os.environ["ADMIN_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as reply:
        return json.load(reply)


def send(count, reference, *urls):
    accepted = {}
    deadline = time.monotonic() + 120
    for start in range(0, count, BATCH):
        batch = [
            {"to": f"+7925{1000000 + number}", "text": f"{reference} {number}", "reference": reference,
             "idempotency_key": f"{reference}-{number}"}
            for number in range(start, min(start + BATCH, count))
        ]
        at = start // BATCH
        while True:
            try:
                results = call(urls[at % len(urls)] + "/v1/messages/batch", {"messages": batch})["results"]
                ids = [result["id"] for result in results]
                break
            except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
                # Nobody knows if it was accepted: the same keys again, at the next one.
                if time.monotonic() > deadline:
                    sys.exit(f"the batch from {start} is not accepted: {error}")
                at += 1
                time.sleep(0.2)
        for message, identity in zip(batch, ids):
            accepted[message["text"]] = identity
    print(f"accepted {len(accepted)} of {count}")


def messages(reference, url):
    found, cursor = [], None
    while True:
        query = {"reference": reference, "limit": 200} | ({"cursor": cursor} if cursor else {})
        page = call(f"{url}/v1/messages?{urllib.parse.urlencode(query)}")
        found += page["data"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def witness(reference):
    """How often the simulator accepted each text, and the ids it gave."""
    log = call(os.environ["SIMULATOR"] + "/simulator/accepted")["accepted"]
    ids = {}
    for it in log:
        if it["text"].startswith(reference + " "):
            ids.setdefault(it["text"], []).append(it["sms_id"])
    return ids


def compare(reference, url, count, *ends):
    deadline = time.monotonic() + 150
    while True:
        found = messages(reference, url)
        waiting = [it for it in found if it["status"] not in {*FINAL, "unknown", *ends}]
        if not waiting and len(found) >= count:
            break
        if time.monotonic() > deadline:
            states = collections.Counter(it["status"] for it in found)
            sys.exit(f"{len(found)} of {count} messages are there, {len(waiting)} have no end: {dict(states)}")
        time.sleep(0.5)
    sent = witness(reference)
    mistakes = [f"accepted {len(ids)} times: {text}" for text, ids in sent.items() if len(ids) > 1]
    texts = collections.Counter(it["text"] for it in found)
    mistakes += [f"stored {number} times: {text}" for text, number in texts.items() if number > 1]
    for it in found:
        times = len(sent.get(it["text"], []))
        if it["status"] in ("sent", "delivered", "undelivered") and times != 1:
            mistakes.append(f"{it['status']}, and accepted {times} times: {it['text']}")
        if it["status"] in ("failed", "expired", "cancelled") and times != 0:
            mistakes.append(f"{it['status']}, and accepted: {it['text']}")
    print(f"{len(found)} of {count}: {dict(collections.Counter(it['status'] for it in found))}, accepted {len(sent)}")
    if mistakes:
        sys.exit("\n".join(mistakes[:20]))


def settle(reference, url):
    """What the simulator has is sent, by its id; the rest was not, all at once."""
    sent = witness(reference)
    for it in messages(reference, url):
        if it["status"] == "unknown" and it["text"] in sent:
            body = {"resolution": "sent", "reason": "in the list of the provider", "provider_id": sent[it["text"]][0]}
            call(f"{url}/v1/messages/{it['id']}/resolve", body)
    selection = call(f"{url}/v1/selections", {"filter": {"status": "unknown", "reference": reference}})
    if selection["count"]:
        job = f"{url}/v1/selections/{selection['id']}/resolve"
        call(job, {"resolution": "failed", "reason": "not in the list of the provider"})
        while (state := call(f"{url}/v1/jobs/{selection['id']}"))["state"] == "running":
            time.sleep(0.2)
        if state["failed"]:
            sys.exit(f"not all were settled: {state}")
    left = [it["status"] for it in messages(reference, url)]
    if "unknown" in left:
        sys.exit(f"still unknown: {left.count('unknown')}")


def main():
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "send":
        send(int(rest[0]), *rest[1:])
    elif command == "compare":
        compare(rest[0], rest[1], int(rest[2]), *rest[3:])
    else:
        settle(*rest)


if __name__ == "__main__":
    main()
