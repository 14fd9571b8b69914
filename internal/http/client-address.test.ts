import type { IncomingMessage } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeClientOf } from "./client-address.ts";

function request(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  return { socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } } as unknown as IncomingMessage;
}

const PROXIES = ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"];

test.each<[peer: string | undefined, forwarded: string | undefined, client: string]>([
  ["203.0.113.7", undefined, "203.0.113.7"],
  ["203.0.113.7", "198.51.100.1", "203.0.113.7"],
  ["::ffff:203.0.113.7", undefined, "203.0.113.7"],
  ["::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"],
  ["127.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"],
  ["127.0.0.1", "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1"],
  ["127.0.0.1", "6.6.6.6,198.51.100.1 ,10.9.9.9,127.0.0.1", "198.51.100.1"],
  ["127.0.0.1", "10.9.9.9", "10.9.9.9"],
  ["127.0.0.1", undefined, "127.0.0.1"],
  ["127.0.0.1", "", "127.0.0.1"],
  ["127.0.0.1", "6.6.6.6, unknown", "127.0.0.1"],
  ["127.0.0.1", "6.6.6.6, evil, 10.0.0.1", "10.0.0.1"],
  ["127.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
  ["127.0.0.1", "[2001:db8::1]:4711", "2001:db8:0:0::/64"],
  ["127.0.0.1", "::ffff:c633:6401", "198.51.100.1"],
  ["2001:db8:1::5", "2001:DB8:2:3:4:5:6:7", "2001:db8:2:3::/64"],
  ["2001:db8:2:3:4:5:6:7", undefined, "2001:db8:2:3::/64"],
  ["2001:db8:2::9", undefined, "2001:db8:2:0::/64"],
  ["fe80::1%eth0", undefined, "fe80:0:0:0::/64"],
  ["::1", undefined, "0:0:0:0::/64"],
  ["64:ff9b::1.2.3.4", undefined, "64:ff9b:0:0::/64"],
  [undefined, "198.51.100.1", "unknown"],
])("for a request from %s with X-Forwarded-For %s, the client is %s", (peer, forwarded, client) => {
  expect(makeClientOf(PROXIES)(request(peer, forwarded))).toBe(client);
});

test("without trusted proxies X-Forwarded-For is ignored", () => {
  expect(makeClientOf([])(request("127.0.0.1", "198.51.100.1"))).toBe("127.0.0.1");
});

test("all addresses of a /64 are one client, and two /64 are two clients", () => {
  const clientOf = makeClientOf([]);
  const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
  fc.assert(
    fc.property(
      // IPv4-mapped addresses are exempt.
      fc.tuple(group, group, group, group).filter(([first]) => first !== "0" && first !== "64"),
      fc.tuple(group, group, group, group),
      fc.tuple(group, group, group, group),
      (network, one, other) => {
        const first = clientOf(request([...network, ...one].join(":")));
        expect(first).toBe(`${network.join(":")}::/64`);
        expect(clientOf(request([...network, ...other].join(":")))).toBe(first);
      },
    ),
  );
});

test("for any X-Forwarded-For, the client is a valid address or the proxy", () => {
  const clientOf = makeClientOf(PROXIES);
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (forwarded) => {
      expect(clientOf(request("127.0.0.1", forwarded))).toMatch(/^[0-9a-f:.]+(?:\/64)?$/);
    }),
    { numRuns: 300 },
  );
});
