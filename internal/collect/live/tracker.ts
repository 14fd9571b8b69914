import { type Evidence, foldProof, NOTHING_PROVEN, type Proof, type ProofEvent } from "../coverage/proof.ts";
import type { CollectedFeed } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import type { LiveWriter } from "./writer.ts";

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
  stopwatch: () => number,
): Tracker {
  const proofs = new Map<string, Proof>(feeds.map(({ market }) => [market, NOTHING_PROVEN]));
  let cursor: string | null = null;

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

  return {
    take: (message, text) => {
      const at = stopwatch();
      switch (message.type) {
        case "trade":
        case "ignored": {
          const ts = message.type === "trade" ? message.trade.ts : message.ts;
          if (message.type === "trade") writer.add(message.trade);
          if (message.cursor !== null) cursor = laterCursor(cursor, message.cursor);
          applyTo(message.market, { type: "trade", number: message.number, ts, at });
          break;
        }
        case "clock":
          if (message.cursor !== undefined) cursor = laterCursor(cursor, message.cursor);
          applyTo(message.market, { type: "clock", time: message.time, lastNumber: message.lastNumber, at });
          break;
        case "lost":
          cursor = null;
          applyTo(null, { type: "rejected", at });
          break;
        case "invalid":
          writer.reject(text ?? "", message.reason);
          applyTo(message.market, { type: "rejected", at });
          break;
      }
    },
    tick: () => applyTo(null, { type: "tick", at: stopwatch() }),
    cut: () => applyTo(null, { type: "cut" }),
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
