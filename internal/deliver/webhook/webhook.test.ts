import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { fine, type Handler, serve, status } from "../../http/local-server.testing.ts";
import { parseSigningSecret } from "../../lib/signing-secret.ts";
import { eventOf, send, settingsOf, WHSEC } from "../deliver.testing.ts";
import { webhookProtocol } from "./webhook.ts";

const OTHER = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const { privateKey } = generateKeyPairSync("ed25519");
const ED25519 = `whsk_${privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("base64")}`;

describe("a webhook", () => {
  it("is a Standard Webhook with the data as they were recorded, and hands on the trace", async () => {
    const server = await serve(fine);
    const event = eventOf({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` });
    const settings = settingsOf("webhook", server.url, '[deliveries.headers]\nX-Key = { env = "KEY" }');
    expect(await send(settings, { event, env: { KEY: "hunter2" } })).toMatchObject({
      outcome: "delivered",
      status: 200,
    });
    const [{ method = "", headers = {}, body = "" } = {}] = server.received;
    expect(body).toBe(`{"type":"item.created","timestamp":"2026-11-30T00:53:20.25Z","data":${event.body}}`);
    expect([method, headers["x-key"], headers["traceparent"]]).toEqual(["POST", "hunter2", event.traceparent]);
    expect(new Webhook(WHSEC).verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body));
  });

  it("has the same id at each attempt, and another one at each destination, and of each sender", async () => {
    const server = await serve(fine);
    const settings = settingsOf("webhook", server.url);
    for (let attempt = 0; attempt < 2; attempt++) await send(settings);
    await send({ ...settings, name: "other" });
    await send(settings, { event: eventOf({ sender: "other" }) });
    const ids = server.received.map(({ headers }) => headers["webhook-id"]);
    expect(ids[0]).toMatch(/^msg_[0-9a-f]{32}$/);
    expect([ids[1], new Set(ids).size]).toEqual([ids[0], 3]);
  });

  it("is signed with each secret, as the published package and Ed25519 verify", () => {
    const secrets = [WHSEC, OTHER, ED25519].map(parseSigningSecret);
    const now = BigInt(Date.now()) * 1000n;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        const { headers, body } = webhookProtocol(secrets, undefined).request(
          eventOf({ body: JSON.stringify(data) }),
          "msg_1",
          now,
        );
        for (const secret of [WHSEC, OTHER]) expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
        const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
        const [, signature = ""] = /v1a,(\S+)/.exec(headers["webhook-signature"] ?? "") ?? [];
        expect(verify(null, Buffer.from(content), createPublicKey(privateKey), Buffer.from(signature, "base64"))).toBe(
          true,
        );
      }),
      { numRuns: 25 },
    );
  });

  it("sends what the mapping makes", async () => {
    const server = await serve(fine);
    const toml =
      '[deliveries.body]\nbrand = "testBrand"\nitem = { price = { from = "/price" }, key = { event = "id" } }';
    expect(await send(settingsOf("webhook", server.url, toml))).toMatchObject({ outcome: "delivered" });
    expect(server.received[0]?.body).toBe('{"brand":"testBrand","item":{"price":1.10,"key":"e-1"}}');
    const missing = settingsOf("webhook", server.url, '[deliveries.body]\na = { b = { from = "/nowhere" } }');
    expect(await send(missing)).toEqual({
      outcome: "retry",
      status: null,
      reason: "mapping_failed",
      detail: 'a.b: the event has no data at "/nowhere"',
      retryAfterSeconds: null,
    });
    expect(server.received).toHaveLength(1);
  });

  const soon = new Date(Date.now() + 3_000_000).toUTCString();
  it.each<[string, Handler, object]>([
    ["204", (_request, response) => response.writeHead(204).end(), { outcome: "delivered", status: 204 }],
    ["410", status(410), { outcome: "gone", status: 410, reason: "gone" }],
    ["429", status(429), { outcome: "throttled", status: 429, retryAfterSeconds: null }],
    ["429 with seconds", status(429, { "retry-after": "17" }), { outcome: "throttled", retryAfterSeconds: 17 }],
    [
      "429 with a year",
      status(429, { "retry-after": "31536000" }),
      { outcome: "throttled", retryAfterSeconds: 86_400 },
    ],
    ["503 with a date", status(503, { "retry-after": soon }), { outcome: "throttled", status: 503 }],
    ["503", status(503), { outcome: "retry", status: 503, reason: "http_status", detail: "HTTP status 503: no" }],
    ["404", status(404), { outcome: "retry", status: 404, reason: "http_status" }],
    ["500", status(500, { "retry-after": "9" }), { outcome: "retry", status: 500, retryAfterSeconds: null }],
  ])("reads status %s", async (_name, handler, sent) => {
    const server = await serve(handler);
    expect(await send(settingsOf("webhook", server.url))).toMatchObject(sent);
  });

  it("does not follow redirects", async () => {
    const target = await serve(fine);
    const server = await serve(status(307, { location: target.url }));
    expect(await send(settingsOf("webhook", server.url))).toMatchObject({
      outcome: "retry",
      status: 307,
      reason: "redirect",
    });
    expect(target.received).toEqual([]);
  });

  it("keeps no more than 500 characters of what the receiver says, without secrets and control characters", async () => {
    const server = await serve((request, response) => {
      const echo = `${request.url.pathname} ${request.headers["authorization"]} ${WHSEC}\u001b[31m\n${"x".repeat(1_000)}`;
      response.writeHead(500).end(echo);
    });
    const toml = '[deliveries.headers]\nauthorization = { env = "A" }';
    const settings = settingsOf("webhook", `${server.url}/hooks/hunter2hunter2`, toml);
    const { detail } = await send(settings, { env: { A: "Bearer hunter2/hunter2==" } });
    expect(detail).toMatch(/^HTTP status 500: \*\*\* \*\*\* \*\*\* \[31m x+…$/);
    expect(detail?.length).toBeLessThanOrEqual(520);
  });
});
