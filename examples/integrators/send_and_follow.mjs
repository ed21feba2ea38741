// Sends messages, follows them to their end, reads the history, and handles each error.
//
//     SMS_URL=http://127.0.0.1:8080 SMS_KEY=sms_test_… node send_and_follow.mjs
//
// The class `Sms` is the client; it needs Node 18 or later and no package. `main` needs a test key
// with the scopes `send` and `read`.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const FINAL = new Set(['delivered', 'undelivered', 'failed', 'expired', 'cancelled'])

/** An answer that is an error, in the form of RFC 9457 unless a proxy wrote it. */
class Problem extends Error {
  constructor(response, text) {
    let body = null
    try {
      body = JSON.parse(text)
    } catch {}
    super(`${response.status} ${body?.code ?? response.statusText}: ${body?.detail ?? ''}`)
    this.status = response.status
    this.code = body?.code ?? ''
    this.errors = body?.errors ?? []
    this.requestId = response.headers.get('X-Request-Id')
    this.retryAfter = Number(response.headers.get('Retry-After')) || 0
  }
}

/** No reply, or none in time. Nobody knows if the request was done. */
class NoReply extends Error {}

/**
 * A client of the server.
 *
 * Requests are repeated when that can help, and safely: those that send have an idempotency key.
 * `timeout` is for how many seconds a request may take; the server answers within 15, if only that
 * it is busy. `patience` is for how many seconds a request is repeated.
 */
class Sms {
  constructor(url, key, { timeout = 20, patience = 120 } = {}) {
    this.url = new URL(url).href.replace(/\/+$/, '')
    this.key = key
    this.timeout = timeout
    this.patience = patience
  }

  /** The client and the rights of the key. */
  async me() {
    return (await this.call('GET', '/v1/me')).body
  }

  /**
   * Sends a message once, however often this is called with the key within 72 hours.
   * `replayed` says whether an earlier call had sent it.
   */
  async send(message, idempotencyKey) {
    const headers = { 'Idempotency-Key': idempotencyKey }
    const reply = await this.call('POST', '/v1/messages', { json: message, headers })
    return { ...reply.body, replayed: reply.headers.get('Idempotency-Replayed') === 'true' }
  }

  /**
   * Sends up to 1000 messages, each with its own `idempotency_key`. Returns one result for each:
   * the message (it has an `id`), or an `error`. Those with a 5xx are sent again.
   */
  async sendBatch(messages) {
    const results = []
    let left = messages.map((_, index) => index)
    for (const pause of pauses(this.patience)) {
      const batch = { messages: left.map((index) => messages[index]) }
      const { body } = await this.call('POST', '/v1/messages/batch', { json: batch })
      left.forEach((index, position) => (results[index] = body.results[position]))
      left = left.filter((index) => results[index].error?.status >= 500)
      if (left.length === 0) break
      await sleep(pause)
    }
    return results
  }

  /** One message with its timeline. */
  async message(id) {
    return (await this.call('GET', `/v1/messages/${id}`)).body
  }

  /**
   * Cancels a message that is queued. 409 `conflict` when it is not, which may be the work of a
   * call whose reply was lost.
   */
  async cancel(id) {
    return (await this.call('POST', `/v1/messages/${id}/cancel`)).body
  }

  /** Every message that the filters find, newest first, page by page. */
  async *messages(filters) {
    const query = new URLSearchParams(filters)
    for (;;) {
      const { body } = await this.call('GET', `/v1/messages?${query}`)
      yield* body.data
      // A page may be short, or even empty, without being the last.
      if (body.next_cursor === null) return
      query.set('cursor', body.next_cursor)
    }
  }

  /** How many messages the filters find. */
  async count(filters) {
    return (await this.call('GET', `/v1/messages/count?${new URLSearchParams(filters)}`)).body.count
  }

  /** The end of the log of events. Take it before sending, and no event is missed. */
  async cursor() {
    return (await this.call('GET', '/v1/events')).body.next
  }

  /**
   * The events after the cursor, as they happen, for that many seconds.
   *
   * Up to 15 more when it is quiet. Yields `{ name, event }`. The name is the event's kind; or
   * `resync` when events may have been lost: read the messages again that you wait for.
   * A program that keeps `event.cursor` goes on from there after its own restart.
   */
  async *events(cursor, seconds) {
    const end = Date.now() + seconds * 1000
    while (Date.now() < end) {
      const headers = { Accept: 'text/event-stream', 'Last-Event-ID': cursor }
      const { chunks } = await this.call('GET', '/v1/events', { headers, stream: true })
      try {
        for await (const { id, name, data } of readEvents(chunks)) {
          cursor = id || cursor
          if (data) yield { name, event: JSON.parse(data) }
          if (Date.now() >= end) return
        }
      } catch (error) {
        if (!(error instanceof NoReply)) throw error
      }
      // It ended or broke. The next one begins after the last event that came whole.
      await sleep(1000 + Math.random() * 1000)
    }
  }

  /**
   * Waits for the ends of messages that were sent after the cursor.
   *
   * Returns the statuses by id. The end is a final status, `unknown` (a person settles it, if no
   * receipt does), or `sent` after the server has given up waiting for a receipt. After `seconds`
   * it is whatever was seen last, if anything.
   */
  async wait(ids, cursor, seconds) {
    const statuses = new Map()
    const waiting = new Set(ids)
    const see = (id, status, kinds) => {
      statuses.set(id, status)
      const isEnd = FINAL.has(status) || status === 'unknown' || kinds.includes('receipt_given_up')
      if (isEnd) waiting.delete(id)
    }
    for await (const { name, event } of this.events(cursor, seconds)) {
      if (name === 'resync') {
        for (const id of [...waiting]) {
          const { status, timeline } = await this.message(id)
          see(
            id,
            status,
            timeline.map((step) => step.kind),
          )
        }
      } else if (waiting.has(event.message_id)) {
        see(event.message_id, event.status, [name])
      }
      if (waiting.size === 0) break
    }
    return statuses
  }

  /** One request, repeated while that can help. Throws what is left: a `Problem`, or `NoReply`. */
  async call(method, path, options = {}) {
    let last
    for (let pause of pauses(this.patience)) {
      try {
        return await this.#once(method, path, options)
      } catch (error) {
        if (error instanceof Problem) {
          // The others are answers to this request: repeating it would change nothing.
          if (![408, 429].includes(error.status) && error.status < 500) throw error
          pause = Math.max(pause, error.retryAfter * 1000)
        } else if (!(error instanceof NoReply)) {
          throw error
        }
        last = error
      }
      await sleep(pause)
    }
    throw last
  }

  async #once(method, path, { json, body, headers = {}, stream = false }) {
    headers = new Headers({ ...headers, Authorization: `Bearer ${this.key}` })
    if (json !== undefined) {
      headers.set('Content-Type', 'application/json')
      body = JSON.stringify(json)
    }
    const silence = new Silence(this.timeout)
    try {
      const request = { method, headers, body, redirect: 'manual', signal: silence.signal }
      const response = await fetch(this.url + path, request)
      if (!response.ok) throw new Problem(response, await response.text())
      if (stream) return { chunks: chunksOf(response, silence, `${method} ${path}`) }
      const text = await response.text()
      silence.end()
      return { headers: response.headers, body: text ? JSON.parse(text) : null }
    } catch (error) {
      silence.end()
      if (error instanceof Problem) throw error
      throw new NoReply(`${method} ${path}: ${error.cause?.message ?? error.message}`, {
        cause: error,
      })
    }
  }
}

/** Aborts a request after some seconds, unless it is extended or ended. */
class Silence {
  #controller = new AbortController()
  #timer
  signal = this.#controller.signal

  constructor(seconds) {
    this.extend(seconds)
  }

  extend(seconds) {
    this.end()
    this.#timer = setTimeout(
      () => this.#controller.abort(new Error('no reply in time')),
      seconds * 1000,
    )
  }

  end() {
    clearTimeout(this.#timer)
  }
}

/** The text of a stream, as it arrives. A stream that is silent for three heartbeats is dead. */
async function* chunksOf(response, silence, name) {
  try {
    silence.extend(45)
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      silence.extend(45)
      yield chunk
    }
  } catch (error) {
    throw new NoReply(`${name}: ${error.cause?.message ?? error.message}`, { cause: error })
  } finally {
    silence.end()
  }
}

/** Waiting times in ms that double up to 10 s, each with chance in it, until patience ends. */
function* pauses(patience) {
  const end = Date.now() + patience * 1000
  for (let pause = 250; Date.now() < end; pause = Math.min(pause * 2, 10_000)) {
    yield pause * (0.5 + Math.random() / 2)
  }
}

/**
 * Server-sent events as the HTML standard reads them: yields `{ id, name, data }` with the last id.
 *
 * A block without data is a heartbeat and may bring an id; its data is empty. What a broken
 * connection leaves of a block is dropped.
 */
async function* readEvents(chunks) {
  let id = ''
  let name = ''
  let data = []
  for await (const line of linesOf(chunks)) {
    if (line === '') {
      yield { id, name: name || 'message', data: data.join('\n') }
      name = ''
      data = []
      continue
    }
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)
    if (field === 'data') data.push(value ?? '')
    else if (field === 'event') name = value ?? ''
    else if (field === 'id' && !value?.includes('\0')) id = value ?? ''
    // A line that begins with a colon is a comment: its field is empty.
  }
}

/** Lines that end with LF, CR LF or CR, as soon as they have arrived. */
async function* linesOf(chunks) {
  let rest = ''
  let afterCr = false
  for await (let chunk of chunks) {
    if (chunk === '') continue
    if (afterCr && chunk.startsWith('\n')) chunk = chunk.slice(1)
    afterCr = chunk === '' ? false : chunk.endsWith('\r')
    const lines = (rest + chunk).split(/\r\n|\n|\r/)
    rest = lines.pop()
    yield* lines
  }
}

async function main() {
  const { SMS_URL: url, SMS_KEY: key } = process.env
  if (!url || !key) throw new Error('set SMS_URL and SMS_KEY')
  const sms = new Sms(url, key)
  const { kind } = await sms.me()
  expect(kind === 'test', 'SMS_KEY must be a test key: the numbers below belong to somebody')

  // Everything of this run can be found by its reference.
  const run = `order-${randomUUID()}`
  const cursor = await sms.cursor()

  // One message. The same key again: the same message.
  const hello = { to: '+79251234567', text: 'Your order is ready', reference: run }
  const first = await sms.send(hello, run)
  const again = await sms.send(hello, run)
  expect(again.replayed && again.id === first.id, 'a repeat must find the first message')

  // A batch. A bad message does not stop the others.
  const recipients = ['+79251234568', 'nobody', '8 (925) 123-45-69']
  const [two, three, four] = await sms.sendBatch(
    recipients.map((to, index) => {
      return { to, text: 'Ready', reference: run, idempotency_key: `${run}-${index}` }
    }),
  )
  expect(two.id && four.id, 'both good messages of the batch must be accepted')
  expect(three.error?.code === 'phone_invalid', 'the bad message must be refused')
  console.log('refused:', three.error.detail)

  // The ends, as events.
  const ids = new Set([first.id, two.id, four.id])
  const statuses = [...(await sms.wait(ids, cursor, 60)).values()]
  console.log('ended:', statuses.sort().join(', '))
  const areDelivered = statuses.filter((status) => status === 'delivered').length === 3
  expect(areDelivered, 'every message must be delivered')

  // The history, two on a page.
  const found = []
  for await (const message of sms.messages({ reference: run, limit: 2 })) found.push(message.id)
  const isWhole = found.length === 3 && found.every((id) => ids.has(id))
  expect(isWhole, 'the history must have every message once')
  let ended = 0
  const filters = { reference: run, status: 'delivered,undelivered', content: false, limit: 2 }
  for await (const _ of sms.messages(filters)) ended += 1
  expect(ended === 3, 'the filter must find the ended ones')
  expect((await sms.count({ reference: run })) === 3, 'the count must be that of the list')

  // The errors that are answers: no repeat helps, the program or its user has to act.
  await refused(400, 'field_unknown', sms.send({ ...hello, txt: 'a typing error' }, `${run}-400`))
  await refused(401, 'unauthorized', new Sms(url, `${key.slice(0, -1)}!`).me())
  await refused(403, 'scope_missing', sms.call('GET', '/v1/clients'))
  await refused(404, 'not_found', sms.message('00000000-0000-7000-8000-000000000000'))
  await refused(409, 'conflict', sms.cancel(first.id))
  // A cursor that is too old. Read the messages again, then go on without `after`.
  await refused(410, 'events_gone', sms.call('GET', '/v1/events?after=8172-1763890200'))
  await refused(
    413,
    'body_too_large',
    sms.send({ ...hello, text: 'x'.repeat(70_000) }, `${run}-413`),
  )
  // A string as the body goes out as text/plain.
  const body = JSON.stringify(hello)
  await refused(415, 'content_type', sms.call('POST', '/v1/messages', { body }))
  await refused(422, 'idempotency_key_reused', sms.send({ ...hello, text: 'Other' }, run))
}

async function refused(status, code, call) {
  const problem = await call.then(
    () => new Error('the request succeeded'),
    (error) => error,
  )
  const isExpected = problem.status === status && problem.code === code
  expect(isExpected, `${status} ${code} expected: ${problem.message}`)
  console.log('refused:', problem.message)
}

function expect(condition, message) {
  if (!condition) throw new Error(message)
}

try {
  await main()
} catch (error) {
  console.error(`${error.constructor.name}: ${error.message}`)
  process.exitCode = 1
}
