import { Registry } from "prom-client";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { openMemoryStore } from "../cache/memory/store.ts";
import { load } from "../config/config.testing.ts";
import { feedDeliverMetrics } from "../deliver/metrics.ts";
import { fine, type Handler, type LocalServer, serve } from "../http/local-server.testing.ts";
import { openTestDatabase, testEngines } from "../storage/connection/database.testing.ts";
import { newEvent, record } from "../storage/events/events.testing.ts";
import { receiversOf, startDeliveries } from "./deliveries.ts";

const configOf = (destinations: Readonly<Record<string, LocalServer>>) =>
  load(
    Object.entries(destinations)
      .map(
        ([name, { url }]) => `[[deliveries]]
name = "${name}"
type = "webhook"
url = "${url}"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
allow = ["127.0.0.0/8"]
timeout = "1m"
where = { "/to" = "${name}" }
`,
      )
      .join(""),
  ).config;

describe.each(enginesOf(testEngines))("destinations that are replaced, on $name", (engine) => {
  it("are delivered to at once, by nobody else, and have metrics, whatever old attempts wait for", async () => {
    const database = await openTestDatabase(engine);
    onTestFinished(() => database.drop());
    const registry = new Registry();
    const metrics = feedDeliverMetrics(registry);
    onTestFinished(metrics.stop);
    const held: (() => void)[] = [];
    const slow = await serve(((_request, response) => void held.push(() => response.end())) satisfies Handler);
    const [old, replaced, last] = [await serve(fine), await serve(fine), await serve(fine)];
    const post = (to: string, id: string) =>
      record(database, "default", [newEvent({ id, body: JSON.stringify({ id, to }) })]);

    const config = configOf({ slow });
    const store = openMemoryStore();
    const deliveries = await startDeliveries(config, { database, store }, receiversOf(config), "test");
    onTestFinished(() => store.close());
    try {
      await post("slow", "1");
      await slow.receives(1);
      await Promise.all(
        [old, replaced, last].map((quick) => deliveries.reconfigure(receiversOf(configOf({ slow, quick })))),
      );
      for (let number = 0; number < 20; number++) {
        await post("quick", `quick-${number}`);
        await last.receives(number + 1);
      }
      expect([old.received.length, replaced.received.length, held.length]).toEqual([0, 0, 1]);
      expect(await registry.metrics()).toContain('stellarindex_deliver_attempts_total{destination="quick"');
    } finally {
      for (const answer of held) answer();
      await deliveries.stop();
    }
    await vi.waitUntil(async () => {
      const [row] = await database.sql`SELECT count(*)::integer AS open FROM control.jobs WHERE state <> 'succeeded'`;
      return row?.["open"] === 0;
    });
  });
});
