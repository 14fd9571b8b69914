import type postgres from "postgres";
import { firstEntry, readTransitions } from "../../storage/control/history-tail.ts";
import { ledgerReadFailed } from "../events.ts";
import { makeConditions } from "./conditions.ts";
import type { StreamReader } from "./reader.ts";
import { eventText, shownTransition } from "./shown.ts";
import { makeTail, type Tail } from "./tail.ts";

const POLL_MS = 250;
/** Shorter than the time after which proxies take a silent connection for dead. */
export const HEARTBEAT_SECONDS = 15;
/** A reader that missed more reads the lists anew. */
const MAX_REPLAYED = 1_000;

/** The events of one tenant and who reads them. */
export interface Channel {
  readonly join: (reader: StreamReader, after: bigint | null) => void;
  readonly leave: (reader: StreamReader) => void;
  readonly close: () => void;
}

interface Joining {
  readonly reader: StreamReader;
  readonly after: bigint | null;
}

const encoder = new TextEncoder();
const HEARTBEAT = encoder.encode(": heartbeat\n\n");

/** @param onIdle called when the last reader has gone; the channel ends then */
export function makeChannel(sql: postgres.Sql, tenant: string, onIdle: () => void): Channel {
  const readers = new Set<StreamReader>();
  let joining: Joining[] = [];
  let wake = (): void => {};
  let tail: Tail | null = null;
  const conditions = makeConditions(sql, tenant);
  const heartbeat = setInterval(() => broadcast(HEARTBEAT), HEARTBEAT_SECONDS * 1000);
  let shownPosition = 0n;

  const resyncOf = (position: bigint) => encoder.encode(eventText("resync", {}, position));

  function broadcast(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = resyncOf(tail?.position() ?? 0n);
    for (const reader of readers) reader.push(bytes, last);
  }

  /** Between two polls, so that nothing comes twice or falls between what is replayed and what is new. */
  async function admit(followed: Tail): Promise<void> {
    for (let next = joining[0]; next !== undefined; next = joining[0]) {
      const { reader, after } = next;
      const missed = after === null ? "" : await replay(followed, after);
      joining = joining.filter((each) => each.reader !== reader);
      if (!reader.isOpen()) continue;
      const position = followed.position();
      readers.add(reader);
      reader.push(encoder.encode(`${missed}id: ${position}\n\n${conditions.current()}`), resyncOf(position));
    }
  }

  async function replay(followed: Tail, after: bigint): Promise<string> {
    const seenAt = followed.snapshot();
    const first = await firstEntry(sql, tenant);
    const isKept = after === 0n || (first !== null && after >= first && after <= seenAt.lastEntry);
    const filter = { tenants: [tenant], after, unseenAt: null, seenAt, limit: MAX_REPLAYED + 1 };
    const missed = isKept ? await readTransitions(sql, filter) : null;
    if (missed === null || missed.length > MAX_REPLAYED) return eventText("resync", {}, followed.position());
    return missed.map((transition) => eventText("transition", shownTransition(transition), after)).join("");
  }

  async function poll(): Promise<void> {
    tail ??= await makeTail(sql, [tenant]);
    const followed = tail;
    broadcast(encoder.encode(await conditions.poll()));
    await admit(followed);
    const position = followed.position();
    await followed.poll((batch) => {
      const texts = batch.map((transition) => eventText("transition", shownTransition(transition), position));
      broadcast(encoder.encode(texts.join("")));
    });
    // A position by itself: whoever comes back with it gets nothing twice.
    if (followed.position() !== shownPosition) {
      shownPosition = followed.position();
      broadcast(encoder.encode(`id: ${shownPosition}\n\n`));
    }
  }

  async function run(): Promise<void> {
    while (readers.size + joining.length > 0) {
      const isRead = await poll().then(
        () => true,
        (error: unknown) => {
          ledgerReadFailed.publish({ read: "events", error: error as Error });
          return false;
        },
      );
      if (joining.length === 0 || !isRead) await pause();
    }
    clearInterval(heartbeat);
    onIdle();
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  let isRunning = false;
  return {
    join: (reader, after) => {
      joining.push({ reader, after });
      if (isRunning) return wake();
      isRunning = true;
      void run();
    },
    leave: (reader) => {
      readers.delete(reader);
      joining = joining.filter((each) => each.reader !== reader);
      wake();
    },
    close: () => {
      for (const reader of [...readers, ...joining.map((each) => each.reader)]) reader.end();
    },
  };
}
