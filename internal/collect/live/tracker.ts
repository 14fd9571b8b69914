import type { Micros } from "../../canonical/time.ts";
import { isInFuture } from "../../canonical/trade-rules.ts";
import { type Evidence, foldProof, NOTHING_PROVEN, type Proof, type ProofEvent } from "../coverage/proof.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import type { LiveWriter } from "./writer.ts";

/** The same words each time, so that logs and incidents put them together. */
const CLOCK_AHEAD = "its time is more than a minute ahead of this machine's clock: one of both clocks is wrong";
/** Times without a trade that are ahead come all the time; one is kept so often, in seconds. */
const CLOCK_SAID_SECONDS = 60;

/** Keeps what each feed of a connection has proven, and hands on trades and coverage. */
export interface Tracker {
  /** @param text the message as it came */
  readonly take: (message: VenueMessage, text: string | null) => void;
  readonly tick: () => void;
  readonly cut: () => void;
  /** The place after which the stream is resumed; null before any. */
  readonly cursor: () => string | null;
}

export function makeTracker(
  evidence: Evidence,
  feeds: readonly CollectedFeed[],
  writer: LiveWriter,
  { now, stopwatch }: { readonly now: () => Micros; readonly stopwatch: () => number },
): Tracker {
  const proofs = new Map<string, Proof>(feeds.map(({ market }) => [market, NOTHING_PROVEN]));
  /** Markets that are not subscribed: the venue's clock says nothing about them. */
  const refused = new Set<string>();
  let cursor: string | null = null;
  let aheadSaidAt = Number.NEGATIVE_INFINITY;

  function apply({ feed, market }: CollectedFeed, event: ProofEvent): void {
    const before = proofs.get(market) ?? NOTHING_PROVEN;
    const { proof, changes } = foldProof(evidence, before, event);
    if (proof === before && changes.length === 0) return;
    proofs.set(market, proof);
    writer.covered(feed, changes, proof.open);
  }

  function applyTo(market: string | null, event: ProofEvent): void {
    for (const feed of feeds) if (market === null || feed.market === market) apply(feed, event);
  }

  function applyClock(market: string | null, event: ProofEvent & { readonly type: "clock" }): void {
    for (const feed of feeds) {
      if ((market === null || feed.market === market) && !refused.has(feed.market)) apply(feed, event);
    }
  }

  function reject(text: string | null, reason: string, market: string | null, at: number): void {
    writer.reject(text ?? "", reason);
    applyTo(market, { type: "rejected", at });
  }

  return {
    take: (message, text) => {
      const at = stopwatch();
      switch (message.type) {
        case "trade":
        case "ignored": {
          const ts = message.type === "trade" ? message.trade.ts : message.ts;
          // It would count in prices once that time comes. If this machine's clock is wrong, it is a gap that is fetched later.
          if (isInFuture(ts, now())) {
            reject(text, CLOCK_AHEAD, message.market, at);
            break;
          }
          if (message.type === "trade") writer.add(message.trade);
          if (message.cursor !== null) cursor = laterCursor(cursor, message.cursor);
          applyTo(message.market, { type: "trade", number: message.number, ts, at });
          break;
        }
        case "clock":
          if (isInFuture(message.time, now())) {
            if (at - aheadSaidAt >= CLOCK_SAID_SECONDS) {
              writer.reject(text ?? "", CLOCK_AHEAD);
              aheadSaidAt = at;
            }
            break;
          }
          if (message.cursor !== undefined) cursor = laterCursor(cursor, message.cursor);
          applyClock(message.market, { type: "clock", time: message.time, lastNumber: message.lastNumber, at });
          break;
        case "refused":
          refused.add(message.market);
          break;
        case "subscribed":
          refused.delete(message.market);
          break;
        case "lost":
          cursor = null;
          applyTo(null, { type: "rejected", at });
          break;
        case "invalid":
          reject(text, message.reason, message.market, at);
          break;
      }
    },
    tick: () => applyTo(null, { type: "tick", at: stopwatch() }),
    cut: () => {
      refused.clear();
      applyTo(null, { type: "cut" });
    },
    cursor: () => cursor,
  };
}

/** Cursors are numbers, or numbers joined by hyphens, that grow. */
function laterCursor(a: string | null, b: string): string {
  if (a === null) return b;
  const [left, right] = [a, b].map((cursor) => cursor.split("-").map(BigInt)) as [bigint[], bigint[]];
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? 0n;
    if (part !== other) return part > other ? a : b;
  }
  return a;
}
