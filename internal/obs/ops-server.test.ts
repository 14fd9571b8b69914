import { once } from "node:events";
import { connect } from "node:net";
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { listen, opsApp } from "./ops-server.ts";

it("answers that it lives, whether it is ready and why not", async () => {
  let problem: string | null = null;
  const app = opsApp(new Registry(), {
    database: async () => problem,
    redis: () => Promise.reject(new Error("away")),
  });
  expect((await app.request("/healthz")).status).toBe(200);
  const broken = await app.request("/readyz");
  expect([broken.status, await broken.json()]).toEqual([
    503,
    { status: "unavailable", checks: { database: "ok", redis: "away" } },
  ]);
  const well = opsApp(new Registry(), { database: async () => problem });
  expect((await well.request("/readyz")).status).toBe(200);
  problem = "gone";
  expect((await well.request("/readyz")).status).toBe(503);
});

it("listens on a port of its choice, says when one is taken, and closes", async () => {
  const app = opsApp(new Registry(), {});
  const first = await listen(app, { host: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: first.port };
  expect((await fetch(`http://127.0.0.1:${first.port}/healthz`)).status).toBe(200);
  await expect(listen(app, address)).rejects.toThrow(`127.0.0.1:${first.port} is taken`);
  await first.close();
  await (await listen(app, address)).close();
});

it("closes although a connection never says anything", async () => {
  const listening = await listen(opsApp(new Registry(), {}), { host: "127.0.0.1", port: 0 });
  const silent = connect(listening.port, "127.0.0.1");
  await once(silent, "connect");
  const closed = once(silent, "close");
  silent.on("error", () => {});
  await listening.close();
  await closed;
});
