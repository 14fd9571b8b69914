import { describe, expect, it } from "vitest";
import { divergenceKey } from "../cache/keys.ts";
import { type Pair, parsePair } from "../canonical/pair.ts";
import { seconds } from "../canonical/time.ts";
import type { Handler } from "../http/local-server.testing.ts";
import { createCoingecko } from "./coingecko.ts";
import { coingeckoBody, type GivenQuote } from "./references.testing.ts";
import { NOW, openWorld, quote, serveChainlink, serveCoingecko } from "./service.testing.ts";

const XLM = parsePair("XLM/USD");
const BTC = parsePair("BTC/USD");
const ETH = parsePair("ETH/USD");

const silent: Handler = () => {};
const garbage: Handler = (_request, response) => response.end("<html>busy</html>");
const busy: Handler = (_request, response) => response.writeHead(503).end();

function prices(...given: readonly (readonly [Pair, GivenQuote])[]): Map<Pair, GivenQuote> {
  return new Map(given);
}

/** Answers like CoinGecko, for XLM only. */
function saysOfXlm(given: GivenQuote): Handler {
  return (_request, response) => response.end(coingeckoBody({ [XLM.base]: given }));
}

describe("a check", () => {
  it("compares every price with its references, and stores the result for five minutes", async () => {
    const world = openWorld();
    const pairs = [XLM, BTC];
    const coingecko = await serveCoingecko(pairs, prices([XLM, quote("0.41")], [BTC, quote("70000")]));
    const chainlink = await serveChainlink(pairs, prices([XLM, quote("0.45", NOW)], [BTC, quote("70001")]));
    await world.publish(XLM, "0.4");
    await world.publish(BTC, "70010");
    await world.check({ pairs, references: [coingecko.reference, chainlink.reference] });
    expect(await world.kept(XLM)).toEqual({
      pair: "crypto:XLM/fiat:USD",
      price: "0.4",
      to: "2026-05-01T12:00:00Z",
      checked: true,
      median: "0.43",
      deviation_pct: "7.5",
      threshold_pct: "5",
      warning: true,
      references: [
        { reference: "chainlink", price: "0.45", as_of: "2026-05-01T12:00:00Z" },
        { reference: "coingecko", price: "0.41", as_of: "2026-05-01T11:59:30Z" },
      ],
    });
    expect(await world.kept(BTC)).toMatchObject({ price: "70010", checked: true, warning: false });
    expect(world.events).toEqual([
      { pair: XLM, outcome: "ok", divergence: await world.kept(XLM), failures: [] },
      { pair: BTC, outcome: "ok", divergence: await world.kept(BTC), failures: [] },
    ]);
    expect([coingecko, chainlink].map(({ received }) => received.length)).toEqual([1, 1]);
    world.pass(seconds(300) - 1n);
    expect(await world.kept(XLM)).toMatchObject({ warning: true });
    world.pass(1n);
    expect(await world.kept(XLM)).toBe(null);
  });

  it("does not change published values", async () => {
    const world = openWorld();
    const { reference } = await serveCoingecko([XLM], prices([XLM, quote("9")]));
    await world.publish(XLM, "0.4");
    const before = await world.store.read(["vwap:crypto:XLM:fiat:USD:300"]);
    expect(await world.check({ pairs: [XLM], references: [reference], minReferences: 1 })).toMatchObject({
      warning: true,
    });
    expect(await world.store.read(["vwap:crypto:XLM:fiat:USD:300"])).toEqual(before);
  });

  it.each<[string, (published: string) => string]>([
    ["no JSON", () => "nonsense"],
    ["no value", (text) => text.replace('"0.4"', '"0"')],
    ["of another pair", (text) => text.replace("crypto:XLM", "crypto:BTC")],
    ["of another window", (text) => text.replace(":300,", ":600,").replace("11:55:00", "11:50:00")],
  ])("treats a stored value that is %s as missing, without affecting other pairs", async (_name, poison) => {
    const world = openWorld();
    const given = prices([XLM, quote("9")], [ETH, quote("2000")], [BTC, quote("70000")]);
    const { reference, received } = await serveCoingecko([XLM, ETH, BTC], given);
    await world.publish(XLM, "0.4", poison);
    await world.publish(BTC, "70000");
    await world.check({ pairs: [XLM, ETH, BTC], references: [reference], minReferences: 1 });
    expect(world.outcomes().sort()).toEqual([
      "crypto:BTC/fiat:USD ok",
      "crypto:ETH/fiat:USD no_vwap",
      "crypto:XLM/fiat:USD no_vwap",
    ]);
    expect(await world.kept(XLM)).toBe(null);
    // References are not queried for a pair without a published price.
    expect(received[0]?.url.searchParams.get("ids")).toBe(BTC.base);
  });
});

describe("too few references", () => {
  it.each<[string, Handler, string]>([
    ["an answer cannot be read", garbage, "parse_error"],
    ["one refuses", busy, "refresh_error"],
    ["one has no price of the pair", (_request, response) => response.end("{}"), "refresh_error"],
    ["a price is too old", saysOfXlm(quote("0.4", NOW - seconds(5401))), "refresh_error"],
  ])("give neither a check nor a warning: %s", async (_name, handler, outcome) => {
    const world = openWorld();
    const coingecko = await serveCoingecko([XLM], handler, { retries: 0 });
    const chainlink = await serveChainlink([XLM], prices([XLM, quote("9")]));
    await world.publish(XLM, "0.4");
    const references = [coingecko.reference, chainlink.reference];
    expect(await world.check({ pairs: [XLM], references })).toMatchObject({
      checked: false,
      median: null,
      deviation_pct: null,
      warning: false,
      references: [{ reference: "chainlink", price: "9" }],
    });
    expect(world.events).toMatchObject([
      { outcome, divergence: { checked: false }, failures: [{ reference: "coingecko" }] },
    ]);
  });

  it("a failed reference is reported even if the others are enough for a check", async () => {
    const world = openWorld();
    const coingecko = await serveCoingecko([XLM], garbage);
    const chainlink = await serveChainlink([XLM], prices([XLM, quote("9")]));
    await world.publish(XLM, "0.4");
    const references = [coingecko.reference, chainlink.reference];
    expect(await world.check({ pairs: [XLM], references, minReferences: 1 })).toMatchObject({
      checked: true,
      warning: true,
    });
    expect(world.events).toMatchObject([
      {
        outcome: "ok",
        failures: [{ reference: "coingecko", failure: "unreadable", reason: "the response is not valid JSON" }],
      },
    ]);
  });

  it("differ from a check without a finding, and from a pair without references", async () => {
    const world = openWorld();
    const coingecko = await serveCoingecko([XLM, BTC], prices([XLM, quote("0.4")], [BTC, quote("70000")]));
    const chainlink = await serveChainlink([XLM], prices([XLM, quote("0.4")]));
    for (const pair of [XLM, BTC, ETH]) await world.publish(pair, pair === XLM ? "0.4" : "1");
    await world.check({ pairs: [XLM, BTC, ETH], references: [coingecko.reference, chainlink.reference] });
    const [fine, unchecked, unknown] = await Promise.all([XLM, BTC, ETH].map(world.kept));
    expect(fine).toMatchObject({ checked: true, warning: false, deviation_pct: "0" });
    expect(unchecked).toMatchObject({ checked: false, warning: false, deviation_pct: null });
    expect(unknown).toBe(null);
    expect(world.outcomes()).toEqual(["crypto:XLM/fiat:USD ok", "crypto:BTC/fiat:USD refresh_error"]);
  });

  it("replace an earlier warning by an unknown state", async () => {
    const world = openWorld();
    const { reference } = await serveCoingecko([XLM], (request, response, index) =>
      (index === 0 ? saysOfXlm(quote("9")) : garbage)(request, response, index),
    );
    const service = world.open({ pairs: [XLM], references: [reference], minReferences: 1, minIntervalSeconds: 60 });
    await world.publish(XLM, "0.4");
    service.start(world.now(), () => true);
    await service.settle();
    expect(await world.kept(XLM)).toMatchObject({ checked: true, warning: true });
    world.pass(seconds(60));
    service.start(world.now(), () => true);
    await service.settle();
    expect(await world.kept(XLM)).toMatchObject({ checked: false, warning: false });
  });
});

describe("a reference's price with a different timestamp", () => {
  it.each([
    ["half a minute old", 30, true],
    ["as old as allowed", 5400, true],
    ["older than allowed", 5401, false],
    ["slightly in the future", -300, true],
    ["in the future", -301, false],
  ])("%s, %i s: counts is %s", async (_name, age, counts) => {
    const world = openWorld();
    const { reference } = await serveCoingecko([XLM], prices([XLM, quote("9", NOW - seconds(age))]));
    await world.publish(XLM, "0.4");
    const kept = await world.check({ pairs: [XLM], references: [reference], minReferences: 1 });
    expect(kept).toMatchObject({ checked: counts, warning: counts });
    const reason = age < 0 ? "its price has a timestamp in the future" : "its price is too old";
    expect(world.events[0]?.failures).toEqual(counts ? [] : [{ reference: "coingecko", failure: "stale", reason }]);
  });

  // XLM rose to 0.44 half a day ago; one feed has not been updated since.
  it.each([
    ["does not count, and there is no warning", 5400, { median: "0.44", warning: false }],
    ["would raise a warning if it counted", 86_400, { median: "0.415", warning: true }],
  ])("that is too old %s", async (_name, maxAgeSeconds, expected) => {
    const world = openWorld();
    const coingecko = await serveCoingecko([XLM], prices([XLM, quote("0.44")]));
    const chainlink = await serveChainlink([XLM], prices([XLM, quote("0.39", NOW - seconds(43_200))]));
    await world.publish(XLM, "0.44");
    const references = [coingecko.reference, chainlink.reference];
    const kept = await world.check({ pairs: [XLM], references, maxAgeSeconds, minReferences: 1 });
    expect(kept).toMatchObject({ checked: true, ...expected });
  });
});

describe("between two checks", () => {
  it("at least min_interval_seconds pass", async () => {
    const world = openWorld();
    const { reference, received } = await serveCoingecko([XLM], prices([XLM, quote("0.4")]));
    const service = world.open({ pairs: [XLM], references: [reference], minReferences: 1 });
    const asked: number[] = [];
    for (const pause of [0n, 0n, seconds(30), seconds(270) - 1n, 1n, seconds(300) - 1n, 1n, seconds(4000)]) {
      world.pass(pause);
      await world.publish(XLM, "0.4");
      service.start(world.now(), () => true);
      await service.settle();
      asked.push(received.length);
    }
    expect(asked).toEqual([1, 1, 1, 1, 2, 2, 3, 4]);
    expect(world.events.length).toBe(4);
  });

  it("they also pass if a check failed or there was no price", async () => {
    const world = openWorld();
    const { reference, received } = await serveCoingecko([XLM], busy, { retries: 0 });
    const service = world.open({ pairs: [XLM, BTC], references: [reference], minReferences: 1 });
    await world.publish(XLM, "0.4");
    for (const pause of [0n, seconds(299), seconds(1)]) {
      world.pass(pause);
      service.start(world.now(), () => true);
      await service.settle();
    }
    // After five minutes the published price has expired too.
    expect(world.outcomes()).toEqual([
      "crypto:BTC/fiat:USD no_vwap",
      "crypto:XLM/fiat:USD refresh_error",
      "crypto:XLM/fiat:USD no_vwap",
      "crypto:BTC/fiat:USD no_vwap",
    ]);
    expect(received.length).toBe(1);
  });

  it("a check does not start while another one runs", async () => {
    const world = openWorld();
    const held: (() => void)[] = [];
    const { reference, received, receives } = await serveCoingecko([XLM], (request, response, index) => {
      held.push(() => saysOfXlm(quote("0.4"))(request, response, index));
    });
    const service = world.open({ pairs: [XLM], references: [reference], minReferences: 1, minIntervalSeconds: 1 });
    await world.publish(XLM, "0.4");
    service.start(world.now(), () => true);
    service.start(world.now(), () => true);
    await receives(1);
    world.pass(seconds(10));
    service.start(world.now(), () => true);
    held[0]?.();
    await service.settle();
    expect([received.length, world.events.length]).toEqual([1, 1]);
    await service.settle();
    service.start(world.now(), () => true);
    await receives(2);
    held[1]?.();
    await service.settle();
    expect([received.length, world.events.length]).toEqual([2, 2]);
  });
});

describe("a reference that never answers", () => {
  it("does not delay a check beyond its timeout", async () => {
    const world = openWorld();
    const coingecko = await serveCoingecko([XLM, BTC], prices([XLM, quote("0.4")], [BTC, quote("70000")]));
    const chainlink = await serveChainlink([XLM], silent, { timeoutMs: 100, retries: 0 });
    await world.publish(XLM, "0.4");
    await world.publish(BTC, "60000");
    const references = [chainlink.reference, coingecko.reference];
    const service = world.open({ pairs: [XLM, BTC], references, minReferences: 1 });
    service.start(world.now(), () => true);
    // The caller continues while the request is pending.
    await chainlink.receives(1);
    expect(world.events).toEqual([]);
    await service.settle();
    expect(await world.kept(XLM)).toMatchObject({ checked: true, references: [{ reference: "coingecko" }] });
    expect(await world.kept(BTC)).toMatchObject({ checked: true, warning: true });
    expect(world.events).toMatchObject([
      { pair: XLM, outcome: "ok", failures: [{ reference: "chainlink", failure: "unreachable" }] },
      { pair: BTC, outcome: "ok", failures: [] },
    ]);
  });

  it("is abandoned when the signal aborts; stored results stay, and no check starts afterwards", async () => {
    const world = openWorld();
    const leaving = new AbortController();
    // A minute, which is longer than any test.
    const { reference, received, receives } = await serveCoingecko(
      [XLM],
      (request, response, index) => (index === 0 ? saysOfXlm(quote("9")) : silent)(request, response, index),
      { timeoutMs: 60_000 },
    );
    const options = { pairs: [XLM, BTC], references: [reference], minReferences: 1, minIntervalSeconds: 10 };
    const service = world.open({ ...options, signal: leaving.signal });
    await world.publish(XLM, "0.4");
    service.start(world.now(), () => true);
    await service.settle();
    const known = await world.kept(XLM);
    expect(known).toMatchObject({ checked: true, warning: true });
    world.pass(seconds(10));
    service.start(world.now(), () => true);
    await receives(2);
    leaving.abort();
    await service.settle();
    expect(await world.kept(XLM)).toEqual(known);
    const outcomes = ["crypto:BTC/fiat:USD no_vwap", "crypto:XLM/fiat:USD ok", "crypto:BTC/fiat:USD no_vwap"];
    expect(world.outcomes()).toEqual(outcomes);
    world.pass(seconds(10));
    service.start(world.now(), () => true);
    await service.settle();
    expect(world.outcomes()).toEqual(outcomes);
    expect(received.length).toBe(2);
  });
});

describe("on errors", () => {
  it("a price of hundreds of digits gives a result that can be parsed", async () => {
    const world = openWorld();
    const { reference } = await serveCoingecko([XLM], prices([XLM, quote(`1.${"3".repeat(390)}e-20`)]));
    await world.publish(XLM, "0.4");
    expect(await world.check({ pairs: [XLM], references: [reference], minReferences: 1 })).toMatchObject({
      checked: true,
      warning: true,
      references: [{ price: "0.0000000000000000000133333333333333333" }],
    });
  });

  it("a reference that throws an unexpected error counts as one that does not answer", async () => {
    const world = openWorld();
    const broken = createCoingecko({ url: "http://127.0.0.1", ids: new Map([[XLM.base, "stellar"]]) }, async () => {
      throw new TypeError("s3cr3t");
    });
    const chainlink = await serveChainlink([XLM], prices([XLM, quote("9")]));
    await world.publish(XLM, "0.4");
    const references = [broken, chainlink.reference];
    expect(await world.check({ pairs: [XLM], references, minReferences: 1 })).toMatchObject({ warning: true });
    expect(world.events).toMatchObject([
      {
        outcome: "ok",
        failures: [{ reference: "coingecko", failure: "unreachable", reason: "it failed (TypeError)" }],
      },
    ]);
  });

  it("a store that is down is reported, and the references are not queried", async () => {
    const world = openWorld();
    const { reference, received } = await serveCoingecko([XLM], prices([XLM, quote("9")]));
    await world.store.close();
    const service = world.open({ pairs: [XLM, BTC], references: [reference] });
    service.start(world.now(), () => true);
    await service.settle();
    const failures = [{ reference: "redis", failure: "unreachable", reason: "the store is closed" }];
    expect(world.events).toEqual(
      [XLM, BTC].map((pair) => ({ pair, outcome: "refresh_error", divergence: null, failures })),
    );
    expect(received).toEqual([]);
  });

  it("a store that fails during the check is reported", async () => {
    const world = openWorld();
    const { reference, receives } = await serveCoingecko([XLM], (request, response, index) => {
      void world.store.close().then(() => saysOfXlm(quote("0.4"))(request, response, index));
    });
    await world.publish(XLM, "0.4");
    const service = world.open({ pairs: [XLM], references: [reference], minReferences: 1 });
    service.start(world.now(), () => true);
    await receives(1);
    await service.settle();
    expect(world.outcomes()).toEqual(["crypto:XLM/fiat:USD refresh_error"]);
  });

  it("any value under a div: key is overwritten", async () => {
    const world = openWorld();
    const { reference } = await serveCoingecko([XLM], prices([XLM, quote("0.4")]));
    await world.publish(XLM, "0.4");
    await world.store.put(divergenceKey(XLM), "poison", 300);
    expect(await world.check({ pairs: [XLM], references: [reference], minReferences: 1 })).toMatchObject({
      checked: true,
    });
  });
});
