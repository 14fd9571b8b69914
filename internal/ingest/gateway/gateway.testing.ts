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
import { problemOf } from "./problems.ts";
import { startGateway } from "./service.ts";
import { sourceScope } from "./trades-route.ts";

const LIMITS = { maxBytes: 500_000, segmentBytes: 100_000 };
const PATIENT = { database: 60, journal: 60 };
export const NOW = parseTime("2026-08-09T23:00:00Z");

/** The keys of the test's senders: `acme` twice, which writes trades of kraken, and one that writes nothing. */
export const KEYS = { acme: "si_acme", rotated: "si_acme_next", reader: "si_reader" };

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
  const scopes = ["trades:write", sourceScope("kraken")];
  const served = withAccessControl(
    createGatewayApp(service, { maxInFlight: 100, requestTimeoutSeconds: 30, isOpen: false }, stopwatch),
    {
      keys: [
        { name: "acme", hash: hashKey(KEYS.acme), scopes },
        { name: "acme", hash: hashKey(KEYS.rotated), scopes },
        { name: "reader", hash: hashKey(KEYS.reader), scopes: ["prices:read"] },
      ],
      rateLimitPerMinute: 0,
      trustedProxies: [],
      corsOrigins: [],
    },
    { server: "gateway", limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf },
  );
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, { requestTimeoutSeconds: 30 });
  const url = `http://127.0.0.1:${port}/v1/trades`;
  const post: Post = async (body, headers = {}) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${KEYS.acme}`, "Content-Type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json(), headers: response.headers };
  };
  return {
    post,
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
