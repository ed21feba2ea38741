import { reportSignedOut, request } from "@/api/client";
import { Problem } from "@/api/problem";
import type { components } from "@/api/schema";
import { SseParser, type Block } from "./sse";

export type LiveEvent = components["schemas"]["EventView"];
export type StreamState = "off" | "connecting" | "live" | "polling";

interface Sinks {
  event(event: LiveEvent): void;
  /** Events may be missing: read everything again. */
  resync(): void;
  state(state: StreamState): void;
}

/** A stream that is silent for so long is dead; heartbeats come every 15 s. */
const SILENCE_MS = 45_000;
/** After a longer break it is cheaper to read the page again than to replay what happened. */
const REPLAY_MS = 60_000;
const POLL_MS = 5_000;
const SLOWEST_RETRY_MS = 15_000;

/**
 * The events of the server, over one streamed reply. It is read with `fetch`: an `EventSource`
 * hides heartbeats, so it cannot tell a dead stream from a quiet one, and hides the status, so it
 * cannot tell an ended session from a full server. When no stream is to be had (too many are open,
 * or a proxy holds it back), the events are polled.
 */
export class EventStream {
  private cursor: string | null = null;
  private stoppedAt: number | null = null;
  private running: AbortController | undefined;

  constructor(private readonly sinks: Sinks) {}

  start(): void {
    if (this.running) return;
    if (this.stoppedAt !== null && Date.now() - this.stoppedAt > REPLAY_MS) this.cursor = null;
    const resumed = this.stoppedAt !== null && this.cursor === null;
    const controller = new AbortController();
    this.running = controller;
    if (resumed) this.sinks.resync();
    void this.run(controller.signal);
  }

  stop(): void {
    if (!this.running) return;
    this.running.abort();
    this.running = undefined;
    this.stoppedAt = Date.now();
    this.sinks.state("off");
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.sinks.state(failures === 0 ? "connecting" : "polling");
      const heard = await this.stream(signal).catch((error: unknown) => this.refused(error));
      if (signal.aborted) return;
      failures = heard ? 0 : failures + 1;
      if (failures > 1) await this.poll(signal, Math.min(SLOWEST_RETRY_MS * failures, 60_000));
      else await pause(1000, signal);
    }
  }

  /** Follows one stream to its end. Returns true if anything came over it. */
  private async stream(signal: AbortSignal): Promise<boolean> {
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    signal.addEventListener("abort", abort);
    let watchdog = setTimeout(abort, SILENCE_MS);
    let heard = false;
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.cursor) headers["Last-Event-ID"] = this.cursor;
      const response = await request("v1/events", { headers, signal: attempt.signal, cache: "no-store" });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new SseParser();
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) return heard;
        clearTimeout(watchdog);
        watchdog = setTimeout(abort, SILENCE_MS);
        if (!heard) this.sinks.state("live");
        heard = true;
        for (const block of parser.push(piece.value)) this.take(block);
      }
    } catch (error) {
      if (heard) return true;
      throw error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
    }
  }

  private take(block: Block): void {
    if (block.id) this.cursor = block.id;
    if (block.event === "resync") this.sinks.resync();
    else if (block.data !== null) this.sinks.event(JSON.parse(block.data) as LiveEvent);
  }

  private refused(error: unknown): boolean {
    const problem = Problem.from(error);
    if (problem.status === 401) {
      reportSignedOut();
      this.stop();
    }
    return false;
  }

  /** Asks for the events page by page for a while, before the next stream is tried. */
  private async poll(signal: AbortSignal, ms: number): Promise<void> {
    const end = Date.now() + ms;
    while (!signal.aborted && Date.now() < end) {
      await this.pages(signal).catch((error: unknown) => this.missed(error));
      await pause(POLL_MS, signal);
    }
  }

  private async pages(signal: AbortSignal): Promise<void> {
    for (let page = 0; page < 10; page++) {
      const after = this.cursor === null ? "" : `&after=${encodeURIComponent(this.cursor)}`;
      const response = await request(`v1/events?limit=200${after}`, { signal });
      const { data, next } = (await response.json()) as { data: LiveEvent[]; next: string };
      const moved = next !== this.cursor;
      this.cursor = next;
      data.forEach((event) => this.sinks.event(event));
      if (!moved || after === "") return;
    }
    // Further behind than a page of anything shows.
    this.cursor = null;
    this.sinks.resync();
  }

  private missed(error: unknown): void {
    const problem = Problem.from(error);
    if (problem.status === 401) this.refused(problem);
    if (problem.status !== 410) return;
    this.cursor = null;
    this.sinks.resync();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
