"""Tests an application that sends one-time codes: logs in with the code that came to the sandbox.

SMS_URL is the address of the server, SMS_KEY a test key with the scopes send and read.
"""

import os
import random
import time

import requests

URL = os.environ["SMS_URL"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['SMS_KEY']}"


class Application:
    """The application under test. Yours sends its messages somewhere inside, with the same key."""

    def ask_for_code(self, number):
        self.code = f"{random.randrange(10**6):06}"
        text = f"Код для входа: {self.code}"
        message = {"to": number, "class": "otp", "text": text}
        session.post(f"{URL}/v1/messages", json=message, timeout=30).raise_for_status()

    def log_in(self, code):
        return code == self.code


def latest(number, after=None):
    """The next message to this number, for which the server waits up to ten seconds."""
    params = {"to": number, "after": after, "wait_seconds": 10}
    reply = session.get(f"{URL}/v1/sandbox/messages/latest", params=params, timeout=30)
    reply.raise_for_status()  # 404: nothing has come
    return reply.json()


def set_rules(rules):
    session.put(f"{URL}/v1/sandbox/rules", json={"rules": rules}, timeout=30).raise_for_status()


# A number of its own keeps this test apart from those that run at the same time.
number = f"+7999{random.randrange(10**7):07}"
application = Application()

application.ask_for_code(number)
first = latest(number)
assert application.log_in(first["found_code"]), first

# The next code: only a message after the first one counts.
application.ask_for_code(number)
second = latest(number, after=first["id"])
assert application.log_in(second["found_code"]), second

# A rule for this number shows what the application does when a message cannot be delivered.
set_rules([{"to": number, "action": "undelivered", "code": 104}])
application.ask_for_code(number)
lost = latest(number, after=second["id"])
set_rules([])
deadline = time.monotonic() + 30
while lost["status"] != "undelivered":
    assert time.monotonic() < deadline, lost
    time.sleep(0.2)
    lost = session.get(f"{URL}/v1/messages/{lost['id']}", timeout=30).json()
print("logged in twice; the third message was not delivered, as the rule says")
