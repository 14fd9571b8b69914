import { describe, expect, it } from "vitest";
import { isPublic, makeAddressGuard } from "./address-guard.ts";

describe("the address guard", () => {
  it.each([
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16"],
    ...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1"],
    ...["239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1", "::", "::1", "::ffff:8.8.8.8", "::127.0.0.1"],
    ...["64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1"],
    ...["fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1%eth0"],
  ])("refuses %s", (address) => {
    expect([isPublic(address), makeAddressGuard([], true)(address)]).toEqual([false, false]);
  });

  it.each([
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00::1",
  ])("lets %s be connected to, but not without encryption", (address) => {
    expect(makeAddressGuard([], true)(address)).toBe(true);
    expect(makeAddressGuard([], false)(address)).toBe(false);
    expect(makeAddressGuard(["0.0.0.0/0", "::/0"], false)(address)).toBe(true);
  });

  it("allows what is listed, in each of its forms, and nothing beside it", () => {
    const isAllowed = makeAddressGuard(["10.1.0.0/16", "fd00::/8", "64:ff9b::/96"], false);
    const allowed = ["10.1.255.255", "::ffff:10.1.0.1", "fd00::1", "fd00::1%eth0", "64:ff9b::1"];
    expect(allowed.filter((address) => !isAllowed(address))).toEqual([]);
    expect(["10.2.0.0", "10.0.255.255", "::ffff:10.2.0.1", "fc00::1", "64:ff9b:1::1"].filter(isAllowed)).toEqual([]);
  });
});
