import { work } from "@stellarindex/worker";
import { afterAll, beforeAll, describe, it } from "vitest";
import { serveTestControl } from "../../internal/control/v1/app.testing.ts";
import { HANDLERS } from "../../sdk/worker/conformance/handlers.ts";
import { CASES } from "./cases.ts";

describe("the client in TypeScript, as the ledger sees it", () => {
  const control = serveTestControl({
    operator: { tenant: "default", scopes: ["control:operate"] },
    worker: { tenant: "default", scopes: ["jobs:work"] },
  });
  const accessOf = (name: string) => ({
    url: new URL(control.url).origin,
    key: control.headersOf(name)["Authorization"]?.replace("Bearer ", "") ?? "",
  });
  const stop = new AbortController();
  let worker: Promise<void>;

  beforeAll(() => {
    worker = work({
      ...accessOf("worker"),
      kinds: Object.keys(HANDLERS),
      concurrency: 8,
      leaseSeconds: 5,
      pollSeconds: 0.02,
      signal: stop.signal,
      handler: async (job) => HANDLERS[job.kind]?.(job, job.payload),
      log: () => {},
    });
  });
  afterAll(async () => {
    stop.abort();
    await worker;
  });

  const output = { line: () => Promise.reject(new Error("a worker of this process prints nothing")) };
  it.concurrent.each(CASES.filter(({ isSlow }) => !isSlow))("$name", ({ check }) =>
    check(accessOf("operator"), output),
  );
});
