#!/usr/bin/env bash
# Tests an application that sends one-time codes: logs in with the code that came to the sandbox.
# SMS_URL is the address of the server, SMS_KEY a test key with the scopes send and read.
set -euo pipefail

api() { # METHOD PATH [ARGUMENTS OF curl]
    curl -sS -X "$1" "$SMS_URL$2" -H "Authorization: Bearer $SMS_KEY" "${@:3}"
}
field() { # NAME: the text of a field in the JSON of the standard input
    sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p"
}

# The application under test. Yours does this somewhere inside, with the same test key.
code=$(printf '%06d' $((RANDOM % 1000000)))
ask_for_code() { # NUMBER
    api POST /v1/messages -H 'Content-Type: application/json' \
        -d "{\"to\":\"$1\",\"class\":\"otp\",\"text\":\"Код для входа: $code\"}" >/dev/null
}
log_in() { # CODE
    [ "$1" = "$code" ]
}

# The test. A number of its own keeps it apart from tests that run at the same time.
number=+7999$(printf '%07d' $((RANDOM * 32768 + RANDOM)) | tail -c 7)
latest() { # [ARGUMENTS OF curl]
    api GET /v1/sandbox/messages/latest -G --data-urlencode "to=$number" "$@"
}

ask_for_code "$number"
first=$(latest -d wait_seconds=10)
log_in "$(field found_code <<<"$first")"
echo "logged in"

# The next code: only a message after the first one counts.
code=$(printf '%06d' $((RANDOM % 1000000)))
ask_for_code "$number"
second=$(latest -d wait_seconds=10 -d "after=$(field id <<<"$first")")
log_in "$(field found_code <<<"$second")"
echo "logged in again"

# A rule for this number shows what the application does when a message is refused.
api PUT /v1/sandbox/rules -H 'Content-Type: application/json' \
    -d "{\"rules\":[{\"to\":\"$number\",\"action\":\"fail\",\"code\":207}]}" >/dev/null
ask_for_code "$number"
refused=$(latest -d wait_seconds=10 -d "after=$(field id <<<"$second")" | field id)
for _ in $(seq 50); do
    status=$(api GET "/v1/messages/$refused" | sed -E 's/"timeline".*//' | field status)
    [ "$status" = failed ] && break
    sleep 0.2
done
api PUT /v1/sandbox/rules -H 'Content-Type: application/json' -d '{"rules":[]}' >/dev/null
[ "$status" = failed ]
echo "refused, as the rule says"
