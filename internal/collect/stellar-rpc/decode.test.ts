import { nativeToScVal, xdr } from "@stellar/stellar-base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import type { CollectedFeed } from "../feed.ts";
import { textOf } from "../history/page.ts";
import type { VenueMessage } from "../message.ts";
import { member } from "../wire.ts";
import { swapsOf } from "./decode.ts";
import { readPools } from "./market.ts";
import { readPage } from "./page.ts";
import { PHOENIX } from "./phoenix.ts";
import { aquarius, phoenix, soroswap } from "./stellar-rpc.ts";
import {
  type MadeEvent,
  type MadeSwap,
  PAIR,
  POOL,
  type PoolKind,
  soroswapEvent,
  swapEvents,
  TOKENS,
  USDC,
} from "./swap-events.testing.ts";

const CONNECTORS = { soroswap, aquarius, phoenix, "phoenix-blended": phoenix };
const KINDS = Object.keys(CONNECTORS) as PoolKind[];
const INVERSE = parsePair(`${USDC}/native`);

function feedOf(kind: PoolKind, pair = PAIR): CollectedFeed {
  const { source } = CONNECTORS[kind];
  return { feed: `${source}:test`, source, pair, market: readPools(POOL, pair) };
}

/** Events as a node tells them; all of one operation. */
function told(events: readonly MadeEvent[], changes: object = {}, first = 0): object[] {
  return events.map((event, index) => ({
    ...{ type: "contract", ledger: 53_500_000, ledgerClosedAt: "2026-08-09T22:30:00Z", contractId: POOL },
    id: `0229780750336004097-${String(first + index).padStart(10, "0")}`,
    ...{ operationIndex: 0, transactionIndex: 1, txHash: "ab", ...event, ...changes },
  }));
}

function understood(kind: PoolKind, entries: unknown, feeds = [feedOf(kind)]): readonly VenueMessage[] {
  return CONNECTORS[kind].live.decode(JSON.stringify(entries), feeds, 0n);
}

const swap: MadeSwap = { sold: "base", base: 12_345_678_901n, quote: 3_810_000_001n };

describe.each(KINDS)("a swap of %s", (kind) => {
  it("is a trade of what changed hands, in the feed's orientation", () => {
    const expected = { ts: "2026-08-09T22:30:00Z", id: "0229780750336004097-0000000000" };
    const amounts = { base: "1234.5678901", quote: "381.0000001" };
    for (const sold of ["base", "quote"] as const) {
      const events = told(swapEvents(kind, { ...swap, sold }));
      const read = [feedOf(kind), feedOf(kind, INVERSE)].map((feed) => {
        const [message] = understood(kind, events, [feed]);
        if (message?.type !== "trade") throw new Error(JSON.stringify(message));
        const { ts, tradeId, base, quote, baseAmount, quoteAmount } = message.trade;
        expect({ base, quote }).toEqual(feed.pair);
        expect(message.cursor).toBe(`0229780750336004097-${String(events.length - 1).padStart(10, "0")}`);
        return { ts: formatTime(ts), id: tradeId, base: formatDecimal(baseAmount), quote: formatDecimal(quoteAmount) };
      });
      expect(read).toEqual([
        { ...expected, ...amounts },
        { ...expected, base: amounts.quote, quote: amounts.base },
      ]);
    }
  });

  it("has exactly the amounts of its events, up to the largest that is stored", () => {
    const amount = fc.bigInt({ min: 0n, max: 2n ** 127n - 1n });
    fc.assert(
      fc.property(amount, amount, fc.constantFrom("base" as const, "quote" as const), (base, quote, sold) => {
        const [message] = understood(kind, told(swapEvents(kind, { sold, base, quote })));
        // A price of more than 30 decimals is 0.
        const isPriced = base > 0n && quote > 0n && quote * 10n ** 30n >= base;
        const type = base === 0n || quote === 0n ? "ignored" : isPriced ? "trade" : "invalid";
        expect(message?.type).toBe(type);
        if (message?.type !== "trade") return;
        const { baseAmount, quoteAmount } = message.trade;
        expect([`${base}e-7`, `${quote}e-7`].map(parseDecimal).map(formatDecimal)).toEqual(
          [baseAmount, quoteAmount].map(formatDecimal),
        );
      }),
      { numRuns: runsOf(200) },
    );
  });

  it("that was not carried out is none, and one without an amount has no price", () => {
    const failed = told(swapEvents(kind, swap), { inSuccessfulContractCall: false });
    expect(understood(kind, failed)).toEqual([]);
    expect(understood(kind, told(swapEvents(kind, { ...swap, quote: 0n })))).toMatchObject([{ type: "ignored" }]);
  });

  it.each([
    ["a value of another type", { value: "AAAAAQ==" }],
    ["a value that is no XDR", { value: "####" }],
    ["no time", { ledgerClosedAt: null }],
    ["an id of another form", { id: "12" }],
    ["topics that are no XDR", { topic: ["AAAADw=="] }],
  ])("with %s cannot be understood", (_, changes) => {
    expect(understood(kind, told(swapEvents(kind, swap), changes))).toMatchObject([
      { type: "invalid", market: feedOf(kind).market },
    ]);
  });
});

it("a pool of several tokens has swaps of other pairs; those of Phoenix have two", () => {
  const other = { base: TOKENS.base, quote: POOL };
  expect(understood("aquarius", told(swapEvents("aquarius", swap, other)))).toEqual([]);
  expect(understood("phoenix", told(swapEvents("phoenix", swap, other)))).toMatchObject([
    { type: "invalid", reason: `is a swap of ${TOKENS.base} for ${POOL}, not of the pair` },
  ]);
});

it("feeds of two pairs share a pool of Aquarius, and each gets its own", () => {
  const euro = parsePair("EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2/native");
  const feeds = [feedOf("aquarius", euro), feedOf("aquarius")];
  const messages = understood("aquarius", told(swapEvents("aquarius", swap)), feeds);
  expect(messages).toMatchObject([{ type: "trade", market: feeds[1]?.market }]);
});

it("what was in a pool of Soroswap beyond its reserves is part of the swap; without an exchange there is no price", () => {
  const [message] = understood("soroswap", told([soroswapEvent(amounts(100n, 3n, 0n, 43n))]));
  if (message?.type !== "trade") throw new Error(JSON.stringify(message));
  const read = [message.trade.baseAmount, message.trade.quoteAmount].map(formatDecimal).sort();
  expect(read).toEqual(["0.00001", "0.000004"].sort());
  const both = told([soroswapEvent(amounts(100n, 3n, 0n, 1n))]);
  expect(understood("soroswap", both)).toMatchObject([{ type: "ignored" }]);
});

function amounts(in0: bigint, in1: bigint, out0: bigint, out1: bigint): Record<string, bigint> {
  return { amount_0_in: in0, amount_1_in: in1, amount_0_out: out0, amount_1_out: out1 };
}

describe("the events of Phoenix", () => {
  const one = swapEvents("phoenix", swap);
  const another = swapEvents("phoenix", { ...swap, base: 5n, quote: 7n });

  it("are put together: swaps in one operation, in other pools, and in other operations", () => {
    const elsewhere = told(one, { contractId: TOKENS.base }, 16);
    const later = told(one).map((event, index) => ({ ...event, id: `0229780750336008193-000000000${index}` }));
    const swaps = swapsOf(PHOENIX, [...told(one), ...told(another, {}, 8), ...elsewhere, ...later]);
    expect(swaps.map((each) => each.length)).toEqual([8, 8, 8, 8]);
    const [, second] = swaps;
    expect(understood("phoenix", second)).toMatchObject([
      { type: "trade", trade: { tradeId: "0229780750336004097-0000000008" } },
    ]);
  });

  it("of which some are missing tell of no swap", () => {
    for (const field of ["sell_token", "buy_token", "offer_amount", "return_amount"]) {
      const name = xdr.ScVal.scvString(field).toXDR("base64");
      const events = told(one.filter(({ topic }) => topic[1] !== name));
      expect(understood("phoenix", events)).toMatchObject([{ type: "invalid", reason: `${field} is missing` }]);
    }
    const negative = { topic: [], value: nativeToScVal(-1n, { type: "i128" }).toXDR("base64") };
    const events = one.map((event, index) => (index === 2 ? { ...negative, topic: event.topic } : event));
    expect(understood("phoenix", told(events))).toMatchObject([{ reason: "offer_amount is -1, below 0" }]);
  });
});

describe("a feed's market", () => {
  it("is its pair and the pools that it names", () => {
    expect(readPools(` ${POOL},${TOKENS.base}\n`, PAIR)).toBe(`native/${USDC} in ${POOL} ${TOKENS.base}`);
  });

  it.each([
    ["CABC", PAIR, 'market has "CABC", which is no contract; write the pool\'s, C…'],
    [USDC.slice(5), PAIR, "which is no contract"],
    ["", PAIR, "market is to have 1 to 5 different pools"],
    [`${POOL} ${POOL}`, PAIR, "market is to have 1 to 5 different pools"],
    [POOL, parsePair("XLM/USD"), "crypto:XLM is no asset of Stellar; write native"],
    [POOL, parsePair(`${TOKENS.base}/native`), "is a contract, whose decimals are not known; write native or CODE-"],
  ])("%j of %j is refused by name", (name, pair, reason) => {
    expect(() => readPools(name, pair)).toThrow(reason);
  });

  it("does not follow from its pair", () => {
    expect(() => soroswap.marketOf(PAIR)).toThrow('name those of the pair by their contracts, as in market = "C…"');
  });
});

describe("a page of events", () => {
  const id = (transaction: number, event: number) =>
    `${String((50n << 32n) + BigInt(transaction << 12))}-000000000${event}`;
  const page = (events: readonly (string | object)[], cursor: string) =>
    readPage(
      JSON.stringify({
        jsonrpc: "2.0",
        result: {
          events: events.map((each) => (typeof each === "string" ? { id: each } : each)),
          ...{ cursor, latestLedger: 60, oldestLedger: 1, oldestLedgerCloseTime: "100" },
          latestLedgerCloseTime: "400",
        },
      }),
    );

  it("that is not full is complete up to its cursor, and has each event once", () => {
    const end = `${(61n << 32n) - 1n}-4294967295`;
    expect(page([id(1, 0), id(1, 0), id(2, 0)], end)).toEqual({
      ...{ events: [{ id: id(1, 0) }, { id: id(2, 0) }], cursor: end, through: 60n },
      newest: { sequence: 60n, closedAt: 400_000_000n },
      oldest: { sequence: 1n, closedAt: 100_000_000n },
    });
    expect(page([], end)).toMatchObject({ events: [], cursor: end, through: 60n });
  });

  it("that is full ends with a whole transaction, in a ledger that may go on", () => {
    const cut = page([id(1, 0), id(1, 1), id(2, 0)], id(2, 0));
    expect(textOf(cut.events)).toBe(JSON.stringify([{ id: id(1, 0) }, { id: id(1, 1) }]));
    expect(cut).toMatchObject({ cursor: id(1, 1), through: 49n });
    expect(page([id(2, 0), id(2, 1)], id(2, 1))).toMatchObject({ cursor: id(2, 1), through: 49n });
  });

  it("by page brings each swap once, wherever pages are cut behind the longest transaction", () => {
    const end = `${(61n << 32n) - 1n}-4294967295`;
    const perTransaction = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(perTransaction, fc.integer({ min: 24, max: 60 }), (counts, limit) => {
        const all = counts.flatMap((count, index) =>
          Array.from({ length: count }, () => swapEvents("phoenix", swap))
            .flat()
            .map((made, number) => ({
              ...{ contractId: POOL, ...made },
              id: `${(BigInt(40 + (index >> 1)) << 32n) + BigInt(index << 12)}-${String(number).padStart(10, "0")}`,
            })),
        );
        const read: unknown[] = [];
        for (let cursor = ""; cursor !== end; ) {
          const events = all.filter(({ id: each }) => each > cursor).slice(0, limit);
          const next = page(events, events.length === limit ? (events.at(-1)?.id ?? "") : end);
          read.push(...swapsOf(PHOENIX, next.events));
          expect(next.cursor > cursor).toBe(true);
          cursor = next.cursor;
        }
        expect(read).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
        expect(read.flat().map((event) => member(event, "id"))).toEqual(all.map(({ id: each }) => each));
      }),
      { numRuns: runsOf(100) },
    );
  });

  it.each([
    ['{"jsonrpc":"2.0","error":{"code":-32602,"message":"x"}}', 'getEvents was answered with error -32602: "x"'],
    ['{"jsonrpc":"2.0","error":{"code":-32005,"message":"slow down"}}', "slow down"],
    ['{"jsonrpc":"2.0","error":{}}', "error.code is not a number"],
    ['{"jsonrpc":"2.0","result":{"events":{}}}', "events is object, not a list"],
    ['{"jsonrpc":"2.0","result":{"events":[]}}', "latestLedger is missing"],
    ['{"type":"surprise"}', "result is missing, not an object"],
  ])("%s is none", (text, reason) => {
    expect(() => readPage(text)).toThrow(reason);
  });
});
