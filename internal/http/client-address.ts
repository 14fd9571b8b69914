import type { IncomingMessage } from "node:http";
import { BlockList, isIP, SocketAddress } from "node:net";

/** An IPv4-mapped IPv6 address. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * Returns a function that identifies the client of a request: the peer or, behind trusted proxies, the last address in
 * X-Forwarded-For that is no trusted proxy. Any client can forge the entries before that one.
 * @param trustedProxies addresses and ranges
 * @returns an IPv4 address, or the /64 of an IPv6 address, since one client has a whole /64
 */
export function makeClientOf(trustedProxies: readonly string[]): (incoming: IncomingMessage) => string {
  const proxies = blockList(trustedProxies);

  function isProxy(address: string): boolean {
    return trustedProxies.length > 0 && proxies.check(address, familyOf(address));
  }

  return ({ socket, headers }) => {
    let client = plainAddress(socket.remoteAddress ?? "");
    if (client === null) return "unknown";
    const forwarded = String(headers["x-forwarded-for"] ?? "").split(",");
    while (isProxy(client)) {
      const before = plainAddress(forwarded.pop()?.trim() ?? "");
      if (before === null) break;
      client = before;
    }
    return isIP(client) === 4 ? client : networkOf(client);
  };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}

/**
 * Returns the canonical form of an address, with an optional port removed and IPv4-mapped IPv6 as IPv4; null for
 * others.
 */
function plainAddress(text: string): string | null {
  const [, bracketed, v4] = /^(?:\[([^\]]+)\]|(\d[\d.]+))(?::\d+)?$/.exec(text) ?? [];
  // A zone (fe80::1%eth0) only has a meaning on this host.
  const address = (bracketed ?? v4 ?? text).replace(/%.*$/, "");
  const family = isIP(address);
  if (family === 0) return null;
  // Canonicalising is the slowest step, and IPv4 has only one form.
  const spelled =
    family === 4 || MAPPED.test(address) ? address : new SocketAddress({ address, family: "ipv6" }).address;
  return MAPPED.exec(spelled)?.[1] ?? spelled;
}

/** Returns the first 64 bits of a canonical IPv6 address, as a network. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted IPv4 suffix such as 1.2.3.4 counts as two groups.
  const length = last.length + (last.at(-1)?.includes(".") ? 1 : 0);
  const groups = tail === undefined ? first : [...first, ...Array(8 - first.length - length).fill("0"), ...last];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
