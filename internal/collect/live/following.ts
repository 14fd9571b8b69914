import { setTimeout as sleep } from "node:timers/promises";
import { asError } from "../../lib/as-error.ts";
import type { Followed } from "../connector.ts";
import { VenueThrottled } from "../failures.ts";
import type { Wire, WireListener } from "./wire-events.ts";

/** Follows a venue by requests: open with the first answer, and ended by a request that fails. */
export function openFollowing(
  follow: (pause: (seconds: number) => Promise<void>) => AsyncIterable<Followed>,
  { onOpen, onFrame, onEnd }: Pick<WireListener, "onOpen" | "onFrame" | "onEnd">,
  onFollowed: (followed: Followed) => void,
): Wire {
  const closed = new AbortController();
  void run();

  async function run(): Promise<void> {
    let isOpen = false;
    const pause = (seconds: number) => sleep(seconds * 1000, undefined, { signal: closed.signal });
    try {
      for await (const followed of follow(pause)) {
        if (closed.signal.aborted) return;
        if (!isOpen) onOpen();
        isOpen = true;
        onFrame(false);
        onFollowed(followed);
      }
      end("the poll ended", 0);
    } catch (error) {
      const asked = error instanceof VenueThrottled ? error.retryAfterSeconds : null;
      end(asError(error).message, asked ?? 0);
    }
  }
  function end(reason: string, retryAfterSeconds: number): void {
    if (closed.signal.aborted) return;
    closed.abort();
    onEnd(reason, retryAfterSeconds);
  }

  return {
    send: () => {},
    // Each request has a time limit of its own.
    ping: () => onFrame(false),
    // A request that is under way is not waited for.
    close: () => end("it was given up", 0),
  };
}
