import { describe, expect, it } from "vitest";
import { changedKeys, withValuesOf } from "./changes.ts";
import { load } from "./config.testing.ts";

const before = load("").config;

describe("the difference between two configurations", () => {
  it("is listed key by key in the schema's order, and ignores how a value is written", () => {
    const after = load(`
      [aggregate]
      pairs = ["XLM/USD", "XLM/EUR", "XLM/GBP", "BTC/USD", "BTC/EUR", "BTC/GBP", "ETH/USD", "ETH/EUR", "ETH/GBP"]
      windows = ["300s", "60m"]
      [aggregate.pegs]
      "crypto:GUSD" = "USD"
      [redis]
      url = "redis://:secret@localhost"
      [database.retention]
      trades = "720h"
      [[sources]]
      name = "sdex"
      weight = 50`).config;
    expect(changedKeys(before, after)).toEqual([
      "database.retention.trades",
      "redis.url",
      "aggregate.windows",
      "aggregate.pegs",
      "sources",
    ]);
    expect(changedKeys(after, after)).toEqual([]);
  });

  it("can be reverted for some keys without changing any other key", () => {
    const after = load('[redis]\nurl = "redis://localhost"\nkey_prefix = "x:"\n[api]\nlisten = "[::1]:1"').config;
    const kept = withValuesOf(before, ["redis.url", "api.listen"], after);
    expect(changedKeys(before, kept)).toEqual(["redis.key_prefix"]);
    expect(kept.redis).toEqual({ ...after.redis, url: "memory:" });
    expect(after.redis.url).toBe("redis://localhost");
  });
});
