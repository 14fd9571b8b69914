import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../internal/cache/redis/server.testing.ts";
import { type RunningProgram, runProgram, startProgram } from "../program.ts";
import { graphqlApi, startReceiver, type TestReceiver } from "./receivers.ts";

/**
 * A source posts each event once and never again, and expects an answer within half a second; a GraphQL API that bears a few
 * requests a second is to get each of them, with a brand added.
 */

const EVENTS = 60;
const PER_SECOND = 20;

const directory = mkdtempSync(join(tmpdir(), "stellarindex-deliver-"));
const config = join(directory, "stellarindex.toml");
let api: TestReceiver;
let program: RunningProgram;
let base = "";

beforeAll(async () => {
  api = await startReceiver(graphqlApi(PER_SECOND, Date.now));
  const [port, opsPort, control] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(
    config,
    `[database]
url = "pglite:${join(directory, "data")}"
[api]
listen = "127.0.0.1:${port}"
ops_listen = "127.0.0.1:${opsPort}"
[control]
listen = "127.0.0.1:${control}"

[[deliveries]]
name = "items"
type = "graphql"
url = "${api.url}"
allow = ["127.0.0.0/8"]
events = ["event.posted"]
query = """
mutation CreateItem($id: ID!, $name: String!, $body: String!, $timestamp: String!, $brand: String!) {
  createItem(id: $id, name: $name, body: $body, timestamp: $timestamp, brand: $brand) { id }
}"""
[deliveries.variables]
id = { from = "/id" }
name = { from = "/name" }
body = { from = "/body" }
timestamp = { from = "/timestamp" }
brand = "testBrand"
`,
  );
  base = `http://127.0.0.1:${port}`;
  program = startProgram(["start", "--config", config, "--no-market"]);
  await program.line((line) => line.includes("where to look"));
});
afterAll(async () => {
  await program?.stop("SIGTERM");
  await api?.close();
  rmSync(directory, { recursive: true, force: true });
});

const eventOf = (index: number) => ({
  id: `item-${index}`,
  name: `Item ${index}`,
  body: "a body with “quotes” and ünïcode",
  timestamp: "2026-11-29T00:00:00Z",
});

it("brings each event that was posted once to a GraphQL API that bears few requests, and tells its whole way", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const answers = await Promise.all(
    Array.from({ length: EVENTS }, async (_, index) => {
      const response = await fetch(`${base}/v1/events`, {
        method: "POST",
        headers: { "Content-Type": "application/json", traceparent },
        body: JSON.stringify(eventOf(index)),
      });
      return response.status;
    }),
  );
  expect(answers.filter((status) => status !== 200 && status !== 202)).toEqual([]);

  const items = () => api.got.map(({ body }) => body["variables"] as Record<string, unknown>);
  await expect.poll(() => new Set(items().map(({ id }) => id)).size, { timeout: 120_000, interval: 200 }).toBe(EVENTS);
  // It said that it bears less than was sent, and nothing was lost for that.
  expect(api.requests()).toBeGreaterThan(api.got.length);
  for (const [index, item] of new Map(items().map((each) => [Number(String(each["id"]).slice(5)), each]))) {
    expect(item).toEqual({ ...eventOf(index), brand: "testBrand" });
  }
  expect(api.got[0]?.headers["traceparent"]).toContain("4bf92f3577b34da6a3ce929d0e0e4736");

  await expect
    .poll(async () => (await (await fetch(`${base}/v1/events/item-${EVENTS - 1}`)).text()).includes('"delivered"'), {
      timeout: 30_000,
    })
    .toBe(true);
  const shown = await runProgram(["events", "show", `item-${EVENTS - 1}`, "--config", config]);
  expect(shown).toMatchObject({ status: 0, err: "" });
  expect(shown.out).toContain("items: delivered");
  expect(shown.out).toContain(traceparent);
});
