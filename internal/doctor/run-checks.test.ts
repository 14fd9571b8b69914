import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { ok, warning, wrong } from "./finding.ts";
import { checkListen, OPS_FINGERPRINT } from "./listen.ts";
import { runChecks } from "./run-checks.ts";

it("runs every check: one that fails or hangs is a finding, and those that need it are skipped", async () => {
  const needs = { check: "base", otherwise: "base is away" };
  const examined = await runChecks(
    [
      { name: "base", cure: "restart it", run: () => Promise.reject(new Error("boom")) },
      { name: "above", needs, cure: "", run: async () => ok("never looked at") },
      { name: "further", needs: { check: "above", otherwise: "" }, cure: "", run: async () => ok("never looked at") },
      { name: "hangs", cure: "wait", run: () => new Promise(() => {}) },
      { name: "warned", cure: "", run: async () => [warning("hm", "do"), ok("fine")] },
      { name: "stands", needs: { check: "warned", otherwise: "" }, cure: "", run: async () => wrong("no", "do") },
    ],
    50,
  );
  expect(examined.map(({ check, status, found, cure }) => [check, status, found, cure])).toEqual([
    ["base", "wrong", "boom", "restart it"],
    ["above", "skipped", "base is away", null],
    ["further", "skipped", "see above", null],
    ["hangs", "wrong", "no answer within 0.05 s", "wait"],
    ["warned", "warning", "hm", "do"],
    ["warned", "ok", "fine", null],
    ["stands", "wrong", "no", "do"],
  ]);
});

it("distinguishes a free address, one of this program, one of another program, and one of another machine", async () => {
  const listenOn = async (body: string) => {
    const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    return { server, listen: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } };
  };
  const ours = await listenOn('{"status":"ok"}');
  const other = await listenOn("hello");
  expect(await checkListen("k", ours.listen, OPS_FINGERPRINT)).toMatchObject({
    status: "ok",
    found: expect.stringMatching(/a stellarindex daemon answers/),
  });
  expect(await checkListen("k", other.listen, OPS_FINGERPRINT)).toMatchObject({
    status: "wrong",
    found: expect.stringMatching(/does not answer like a stellarindex daemon/),
  });
  for (const { server } of [ours, other]) await new Promise((resolve) => server.close(resolve));
  expect(await checkListen("k", ours.listen, OPS_FINGERPRINT)).toMatchObject({
    status: "ok",
    found: expect.stringMatching(/is free/),
  });
  const elsewhere = { host: "192.0.2.1", port: 9 };
  expect(await checkListen("k", elsewhere, OPS_FINGERPRINT)).toMatchObject({
    status: "wrong",
    found: expect.stringMatching(/EADDRNOTAVAIL/),
  });
  expect(await checkListen("k", { host: "127.0.0.1", port: 0 }, OPS_FINGERPRINT)).toMatchObject({ status: "ok" });
});
