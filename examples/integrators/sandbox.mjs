// Tests an application that sends one-time codes: logs in with the code that came to the sandbox.
// SMS_URL is the address of the server, SMS_KEY a test key with the scopes send and read.

import assert from "node:assert/strict";

async function api(method, path, body) {
    const headers = { Authorization: `Bearer ${process.env.SMS_KEY}` };
    if (body) headers["Content-Type"] = "application/json";
    const url = process.env.SMS_URL + path;
    const reply = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const json = await reply.json();
    if (!reply.ok) throw new Error(`${json.code}: ${json.detail}`);
    return json;
}

const random = (digits) => String(Math.floor(Math.random() * 10 ** digits)).padStart(digits, "0");

// The application under test. Yours sends its messages somewhere inside, with the same key.
class Application {
    async askForCode(number) {
        this.code = random(6);
        const text = `Код для входа: ${this.code}`;
        await api("POST", "/v1/messages", { to: number, class: "otp", text });
    }

    logIn(code) {
        return code === this.code;
    }
}

// The next message to a number, for which the server waits up to ten seconds.
function latest(number, after) {
    const query = new URLSearchParams({ to: number, wait_seconds: "10" });
    if (after) query.set("after", after);
    return api("GET", `/v1/sandbox/messages/latest?${query}`);
}

// A number of its own keeps this test apart from those that run at the same time.
const number = `+7999${random(7)}`;
const application = new Application();

await application.askForCode(number);
const first = await latest(number);
assert(application.logIn(first.found_code));

// The next code: only a message after the first one counts.
await application.askForCode(number);
const second = await latest(number, first.id);
assert(application.logIn(second.found_code));

// A rule for this number shows what the application does with an unknown outcome.
// One-time codes are then sent once more by themselves; both answers are lost.
await api("PUT", "/v1/sandbox/rules", { rules: [{ to: number, action: "lose" }] });
await application.askForCode(number);
let lost = await latest(number, second.id);
await api("PUT", "/v1/sandbox/rules", { rules: [] });
for (const deadline = Date.now() + 60_000; lost.status !== "unknown"; ) {
    assert(Date.now() < deadline, lost.status);
    await new Promise((resolve) => setTimeout(resolve, 200));
    lost = await api("GET", `/v1/messages/${lost.id}`);
}
console.log("logged in twice; the outcome of the third message is unknown, as the rule says");
