import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseTime } from "../../canonical/time.ts";
import { withAccessControl } from "../../http/access-control.ts";
import { hashKey } from "../../http/keys.ts";
import { makeRateLimiter } from "../../http/rate-limit.ts";
import { listen } from "../../http/server.ts";
import { stopwatch } from "../../lib/clock.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../policy/policy.ts";
import type { Database } from "../../storage/connection/database.ts";
import { openJournalIn } from "../journal/open.ts";
import { createGatewayApp } from "./app.ts";
import { keyScopes } from "./key-scopes.ts";
import { problemOf } from "./problems.ts";
import { startGateway } from "./service.ts";

const LIMITS = { maxBytes: 500_000, segmentBytes: 100_000 };
const PATIENT = { database: 60, journal: 60 };
export const NOW = parseTime("2026-08-09T23:00:00Z");

/** The keys of the test's senders: `acme` twice, which writes trades of kraken, and one that writes nothing. */
export const KEYS = { acme: "si_acme", rotated: "si_acme_next", reader: "si_reader" };

/** The keys of those who post events, `shop` and `bank`, who see their own, and of `support`, who sees all. */
export const EVENT_KEYS = { shop: "si_shop", bank: "si_bank", support: "si_support" };

/** The answer to a request. */
export interface TestAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at many shapes
  readonly body: any;
  readonly headers: Headers;
}

export type Post = (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<TestAnswer>;

/** Serves a gateway on a socket, with a journal on disk. */
export async function serveTestGateway(database: Database) {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-gateway-"));
  const journal = await openJournalIn(join(directory, "journal"), LIMITS, () => NOW);
  const quarantine = { maxBytes: 200_000, maxAgeSeconds: 3600 };
  const policy = makePolicy(DEFAULT_POLICY_SETTINGS);
  const deadlines = { request: PATIENT, stream: PATIENT };
  const service = startGateway({ database, journal, policy, quarantine, deadlines, now: () => NOW, stopwatch });
  const key = (name: string, secret: string, scopes: readonly string[], sources: readonly string[] = []) => ({
    ...{ name, hash: hashKey(secret), scopes: keyScopes({ scopes, sources }) },
  });
  const served = withAccessControl(
    createGatewayApp(service, { maxInFlight: 100, requestTimeoutSeconds: 30, isOpen: false }, stopwatch),
    {
      keys: [
        key("acme", KEYS.acme, ["trades:write"], ["kraken"]),
        key("acme", KEYS.rotated, ["trades:write"], ["kraken"]),
        key("reader", KEYS.reader, ["prices:read"]),
        key("shop", EVENT_KEYS.shop, ["events:write"]),
        key("bank", EVENT_KEYS.bank, ["events:write"]),
        key("support", EVENT_KEYS.support, ["events:read"]),
      ],
      rateLimitPerMinute: 0,
      trustedProxies: [],
      corsOrigins: [],
    },
    { server: "gateway", limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf },
  );
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, { requestTimeoutSeconds: 30 });
  const base = `http://127.0.0.1:${port}`;
  const url = `${base}/v1/trades`;
  const answered = async (response: Response): Promise<TestAnswer> => {
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
  const postTo =
    (path: string, key: string): Post =>
    async (body, headers = {}) =>
      answered(
        await fetch(base + path, {
          method: "POST",
          headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers },
          body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
        }),
      );
  return {
    /** Posts trades. */
    post: postTo("/v1/trades", KEYS.acme),
    postEvent: postTo("/v1/events", EVENT_KEYS.shop),
    getEvent: async (id: string, key = EVENT_KEYS.shop): Promise<TestAnswer> =>
      answered(await fetch(`${base}/v1/events/${id}`, { headers: { Authorization: `Bearer ${key}` } })),
    journal,
    turns: service.turns,
    url,
    close: async () => {
      await close();
      await service.stop();
      await journal.close();
      rmSync(directory, { recursive: true });
    },
  };
}
