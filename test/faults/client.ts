import { setTimeout as pause } from "node:timers/promises";
import type { Pair } from "../../internal/canonical/pair.ts";
import { formatPair } from "../../internal/canonical/pair.ts";

/** The API's answer to one request, with the times of request and answer in ms of Unix time. */
export interface Answered {
  readonly from: number;
  readonly to: number;
  readonly status: number;
  /** The bytes of `data`; null without a value. */
  readonly text: string | null;
  readonly stale: boolean;
  readonly body: string;
  readonly retryAfter: string | null;
}

/** Requests every target repeatedly and keeps the answers. */
export interface Client {
  readonly answers: Answered[];
  /** Requests without an answer. */
  readonly failures: string[];
  close(): Promise<void>;
}

const BETWEEN_ROUNDS_MS = 300;
/** Longer than the API's own request timeout. */
const PATIENCE_MS = 15_000;

export function startClient(base: string, targets: readonly { pair: Pair; windowSeconds: number }[]): Client {
  const answers: Answered[] = [];
  const failures: string[] = [];
  let isClosed = false;

  async function ask(pair: Pair, windowSeconds: number): Promise<void> {
    try {
      answers.push(await askVwap(base, `pair=${formatPair(pair)}&window=${windowSeconds}s`));
    } catch (error) {
      failures.push(`${formatPair(pair)}: ${error} ${(error as Error).cause ?? ""}`);
    }
  }

  async function run(): Promise<void> {
    while (!isClosed) {
      await Promise.all(targets.map(({ pair, windowSeconds }) => ask(pair, windowSeconds)));
      await pause(BETWEEN_ROUNDS_MS);
    }
  }

  const running = run();
  return {
    answers,
    failures,
    async close() {
      isClosed = true;
      await running;
    },
  };
}

/** Requests a VWAP. @throws without an answer */
export async function askVwap(base: string, query: string): Promise<Answered> {
  const from = Date.now();
  const response = await fetch(`${base}/v1/vwap?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const body = await response.text();
  const { status, headers } = response;
  // The value is the first key of the answer, up to the flags, with the stored bytes.
  const text = status === 200 ? body.slice('{"data":'.length, body.lastIndexOf(',"flags":')) : null;
  const stale = body.includes('"stale":true');
  return { from, to: Date.now(), status, text, stale, body, retryAfter: headers.get("retry-after") };
}
