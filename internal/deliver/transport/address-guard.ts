import { BlockList, isIPv4 } from "node:net";

/**
 * IPv4 addresses that are not public (IANA's registry of special-purpose addresses), the metadata services of clouds among
 * them: of Azure at 168.63.129.16, of the others in link-local and shared space.
 */
const NOT_PUBLIC_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

/** Of IPv6 only these are public. Loopback, private, mapped IPv4 and NAT64 addresses lie outside. */
const PUBLIC_IPV6 = ["2000::/3"];
/** Within them, what is reserved, and what reaches an IPv4 address: Teredo in 2001::/23, 6to4 in 2002::/16. */
const NOT_PUBLIC_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const notPublic = listOf([...NOT_PUBLIC_IPV4, ...NOT_PUBLIC_IPV6]);
const publicIPv6 = listOf(PUBLIC_IPV6);

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    list.addSubnet(address, Number(bits), isIPv4(address) ? "ipv4" : "ipv6");
  }
  return list;
}

/** Returns whether an IP address, which a zone may follow, is one of the internet that anybody may use. */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !notPublic.check(address, "ipv4");
  return !address.includes("%") && publicIPv6.check(address, "ipv6") && !notPublic.check(address, "ipv6");
}

/**
 * Returns a function that says whether an IP address may be connected to: a public one over TLS, and any in `allow`.
 * @param allow ranges such as 10.0.0.0/8; one of IPv4 holds for its addresses mapped into IPv6, too
 */
export function makeAddressGuard(allow: readonly string[], isEncrypted: boolean): (address: string) => boolean {
  const allowed = listOf(allow);
  return (address) => {
    const [bare = ""] = address.split("%");
    return allowed.check(bare, isIPv4(bare) ? "ipv4" : "ipv6") || (isEncrypted && isPublic(address));
  };
}
