import { setTimeout as pause } from "node:timers/promises";
import type { Pair } from "../../internal/canonical/pair.ts";
import { formatPair } from "../../internal/canonical/pair.ts";

/** What the API said to one question, and between which moments, in ms of Unix time. */
export interface Answered {
  readonly from: number;
  readonly to: number;
  readonly status: number;
  /** The bytes of `data`; null where there is no value. */
  readonly text: string | null;
  readonly stale: boolean;
  readonly body: string;
  readonly retryAfter: string | null;
}

/** Asks for every target, again and again, and keeps the answers. */
export interface Client {
  readonly answers: Answered[];
  /** Questions that got no answer at all. */
  readonly failures: string[];
  close(): Promise<void>;
}

const BETWEEN_ROUNDS_MS = 300;
/** The API gives every request up before. */
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

/** One question about a VWAP. @throws where there is no answer */
export async function askVwap(base: string, query: string): Promise<Answered> {
  const from = Date.now();
  const response = await fetch(`${base}/v1/vwap?${query}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const body = await response.text();
  const { status, headers } = response;
  // The value is the API's first key, byte for byte as it is stored, up to the flags.
  const text = status === 200 ? body.slice('{"data":'.length, body.lastIndexOf(',"flags":')) : null;
  const stale = body.includes('"stale":true');
  return { from, to: Date.now(), status, text, stale, body, retryAfter: headers.get("retry-after") };
}
