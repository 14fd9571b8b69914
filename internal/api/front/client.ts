import type { IncomingMessage } from "node:http";
import { BlockList, isIP, SocketAddress } from "node:net";

/** An IPv4 address inside IPv6, as systems spell it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * Tells who a request comes from: the peer or, where that is a trusted proxy, the last one in X-Forwarded-For that is none.
 * What stands before that one can be made up by anybody.
 * @param trustedProxies addresses and ranges
 * @returns an IPv4 address, or the /64 of an IPv6 address, which is one network
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

/** The address in its one spelling; IPv4 where it is that inside IPv6. Null where the text is none; a port may follow it. */
function plainAddress(text: string): string | null {
  const [, bracketed, v4] = /^(?:\[([^\]]+)\]|(\d[\d.]+))(?::\d+)?$/.exec(text) ?? [];
  // A zone is of this host alone.
  const address = (bracketed ?? v4 ?? text).replace(/%.*$/, "");
  const family = isIP(address);
  if (family === 0) return null;
  // Spelling takes longer than all else here; IPv4 has one spelling anyway.
  const spelled =
    family === 4 || MAPPED.test(address) ? address : new SocketAddress({ address, family: "ipv6" }).address;
  return MAPPED.exec(spelled)?.[1] ?? spelled;
}

/** The first 64 bits of an IPv6 address in its one spelling. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // Of the two forms of the end, 1.2.3.4 stands for two groups.
  const length = last.length + (last.at(-1)?.includes(".") ? 1 : 0);
  const groups = tail === undefined ? first : [...first, ...Array(8 - first.length - length).fill("0"), ...last];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
