import { setTimeout as sleep } from "node:timers/promises";
import { asError } from "../../lib/as-error.ts";
import type { Database } from "./database.ts";
import { connectionError } from "./errors.ts";

const RETRY_MS = 1_000;

/**
 * Opens a database for a program that has something to do without it: after a failure it is tried again in the background.
 * Until it is open every call fails at once, as with an open circuit.
 * @param open opens the database
 * @param onFailure gets the error of each attempt
 */
export async function openLate(open: () => Promise<Database>, onFailure: (error: Error) => void): Promise<Database> {
  let opened: Database | null = null;
  let reason = "";
  const closing = new AbortController();
  await tryToOpen();
  const opening = openUntilClosed();

  async function tryToOpen(): Promise<void> {
    try {
      opened = await open();
    } catch (error) {
      reason = asError(error).message;
      onFailure(asError(error));
    }
  }

  async function openUntilClosed(): Promise<void> {
    while (opened === null && !closing.signal.aborted) {
      await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {});
      if (!closing.signal.aborted) await tryToOpen();
    }
  }

  /** @throws Error that counts as an unreachable database */
  function get(): Database {
    if (opened === null) throw connectionError("CONNECT_REFUSED", `the database is not open: ${reason}`);
    return opened;
  }

  const sql = new Proxy((() => {}) as unknown as Database["sql"], {
    apply: (_target, self, args) => Reflect.apply(get().sql as unknown as () => unknown, self, args),
    get: (_target, name) => Reflect.get(get().sql, name),
  });
  return {
    sql,
    engine: "postgres",
    get isPooled() {
      return opened?.isPooled ?? false;
    },
    breaker: {
      run: async (call) => get().breaker.run(call),
      runWithRetry: async (call, ...others) => get().breaker.runWithRetry(call, ...others),
      state: () => opened?.breaker.state() ?? "open",
    },
    onAnswer: (position) => opened?.onAnswer?.(position),
    close: async () => {
      closing.abort();
      await opening;
      await opened?.close();
    },
  };
}
