import { setTimeout as sleep } from "node:timers/promises";
import { type Micros, seconds } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import type { Polling, VenueAnswer, VenueAsk } from "../connector.ts";
import { VenueThrottled } from "../failures.ts";
import type { Endpoint } from "../feed.ts";
import type { OpenWire } from "./wire-events.ts";

/** After a pause that took so much longer than it was to, such as of a machine that slept, something may have been missed. */
const LATE: Micros = seconds(300);

export interface PollingOptions {
  readonly polling: Polling;
  readonly endpoint: Endpoint;
  readonly ask: VenueAsk;
  readonly now: () => Micros;
}

/**
 * Returns a wire on which each answer to a question is a message, also one that is as the last one was. It is open once the first question was
 * answered, and ends where one is not.
 */
export function pollingWire({ polling, endpoint, ask, now }: PollingOptions): OpenWire {
  return (url, listener) => {
    const closed = new AbortController();
    const { signal } = closed;
    follow().catch((error: unknown) => {
      if (signal.aborted) return;
      const asked = error instanceof VenueThrottled ? (error.retryAfterSeconds ?? 0) : 0;
      listener.onEnd(asError(error).message, asked);
    });

    async function follow(): Promise<void> {
      let last: VenueAnswer | null = null;
      for (;;) {
        const headers = { ...polling.headers(endpoint), ...last?.unless };
        const answer: VenueAnswer | null = await ask(url, headers);
        if (signal.aborted) return;
        if (last === null) listener.onOpen();
        last = answer ?? last;
        if (last === null) throw new Error(`${url.host} says that nothing has changed, but nothing was known`);
        listener.onText(last.text);
        const askedAt = now();
        const pauseSeconds = polling.pauseSeconds(endpoint, last.text, askedAt);
        await sleep(pauseSeconds * 1000, undefined, { signal });
        if (now() - askedAt > seconds(Math.ceil(pauseSeconds)) + LATE) throw new Error("it was not asked in time");
      }
    }

    return {
      send: () => {},
      // Each question has a time limit of its own.
      ping: () => listener.onFrame(false),
      close: () => {
        closed.abort();
        listener.onEnd("it was given up", 0);
      },
    };
  };
}
