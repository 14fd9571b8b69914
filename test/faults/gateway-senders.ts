import { setTimeout as sleep } from "node:timers/promises";

/** Sends trades, and knows which of them were acknowledged. */
export interface Senders {
  /** The ids of the trades that were answered for with 200 or 202. */
  readonly acknowledged: ReadonlySet<string>;
  /** How many requests were answered 503. */
  readonly refused: () => number;
  /** How many rows were answered as being in the journal. */
  readonly journalled: () => number;
  /** Resolves once that many more trades are acknowledged. */
  readonly further: (count: number) => Promise<void>;
  /** Sends nothing while `work` runs. */
  readonly pausedFor: (work: () => Promise<void>) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const SENDERS = 8;
const ROWS_TOGETHER = 20;
/** Every so many requests, a sender sends a stream. */
const STREAM_EVERY = 5;
const PAUSE_MS = 10;

/** Starts senders, each of which repeats what was not acknowledged, as a real one does. */
export function startSenders(url: string, key: string): Senders {
  const acknowledged = new Set<string>();
  const stopping = new AbortController();
  let refused = 0;
  let journalled = 0;
  let isPaused = false;

  async function send(rows: readonly object[], isStream: boolean): Promise<boolean> {
    const response = await fetch(`${url}/v1/trades`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${key}`,
        "Content-Type": isStream ? "application/x-ndjson" : "application/json",
      },
      body: isStream ? rows.map((row) => JSON.stringify(row)).join("\n") : JSON.stringify(rows),
    });
    const body = (await response.json()) as Record<string, number>;
    if (response.status === 503) refused++;
    if (response.status !== 200 && response.status !== 202) return false;
    const { new: fresh = 0, known = 0, journalled: kept = 0 } = body;
    if (fresh + known + kept !== rows.length) throw new Error(`unexpected answer: ${JSON.stringify(body)}`);
    journalled += kept;
    return true;
  }

  async function run(sender: number): Promise<void> {
    for (let request = 0; !stopping.signal.aborted; request++) {
      const rows = Array.from({ length: ROWS_TOGETHER }, (_, index) => tradeOf(`${sender}-${request}-${index}`));
      const isStream = request % STREAM_EVERY === 0;
      // A connection that was cut says nothing about the rows.
      while (!(await send(rows, isStream).catch((error: unknown) => refuseUnexpected(error)))) {
        if (stopping.signal.aborted) return;
        await sleep(50);
      }
      do await sleep(PAUSE_MS);
      while (isPaused && !stopping.signal.aborted);
      for (const { trade_id } of rows) acknowledged.add(trade_id);
    }
  }

  let failure: Error | null = null;
  const running = Promise.all(Array.from({ length: SENDERS }, (_, sender) => run(sender))).catch((error: Error) => {
    failure = error;
  });
  return {
    acknowledged,
    refused: () => refused,
    journalled: () => journalled,
    further: async (count) => {
      const wanted = acknowledged.size + count;
      while (acknowledged.size < wanted) {
        if (failure !== null) throw failure;
        await sleep(20);
      }
    },
    pausedFor: async (work) => {
      isPaused = true;
      await work().finally(() => {
        isPaused = false;
      });
    },
    stop: async () => {
      stopping.abort();
      await running;
      if (failure !== null) throw failure;
    },
  };
}

function refuseUnexpected(error: unknown): false {
  if (error instanceof Error && error.message.startsWith("unexpected answer")) throw error;
  return false;
}

function tradeOf(id: string) {
  const minute = String(Number(id.split("-")[1]) % 60).padStart(2, "0");
  return {
    base_asset: "crypto:XLM",
    quote_asset: "fiat:USD",
    ts: `2026-01-01T00:${minute}:00Z`,
    source: "kraken",
    trade_id: id,
    base_amount: "100",
    quote_amount: "12.5",
  };
}
