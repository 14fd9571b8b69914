import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../canonical/input-error.ts";
import { formatPair, parsePair } from "../canonical/pair.ts";
import type { HttpClient } from "../http/client.ts";
import { NEVER, quickHttp, serve } from "../http/local-server.testing.ts";
import { type ChainlinkSettings, createChainlink } from "./chainlink.ts";
import { readDecimals, readRound } from "./chainlink-abi.ts";
import { NoQuote, type ReferenceAnswer } from "./reference.ts";

const SECRET = "s3cr3t-k3y";
const XLM = parsePair("XLM/USD");
const BTC = parsePair("BTC/USD");
const ETH = parsePair("ETH/USD");
const XLM_FEED = `0x${"1a".repeat(20)}`;
const BTC_FEED = `0x${"2B".repeat(20)}`;
const FEEDS = [
  { pair: XLM, address: XLM_FEED },
  { pair: BTC, address: BTC_FEED },
];
const ROUND = "0xfeaf968c";
const DECIMALS = "0x313ce567";

interface Call {
  readonly jsonrpc: string;
  readonly id: number;
  readonly method: string;
  readonly params: readonly [{ readonly to: string; readonly data: string }, string];
}

interface Round {
  readonly roundId?: bigint;
  readonly answer?: bigint;
  readonly updatedAt?: bigint;
  readonly answeredInRound?: bigint;
}

function words(...values: readonly bigint[]): string {
  return `0x${values.map((value) => BigInt.asUintN(256, value).toString(16).padStart(64, "0")).join("")}`;
}

function round({ roundId = 7n, answer = 38n, updatedAt = 1711356300n, answeredInRound = roundId }: Round = {}): string {
  return words(roundId, answer, updatedAt - 1n, updatedAt, answeredInRound);
}

const entry = (id: number, result: unknown) => ({ jsonrpc: "2.0", id, result });

/** Returns a node's answer to a batch; each feed returns the given result for a selector. */
function node(returns: (to: string, data: string) => unknown) {
  return (body: string) =>
    (JSON.parse(body) as Call[]).map(({ id, params: [{ to, data }] }) => entry(id, returns(to, data))).reverse();
}

const well = node((to, data) => {
  if (data === DECIMALS) return words(8n);
  return round({ answer: to === XLM_FEED ? 38_123_456n : 7_012_345_678_901n });
});

async function serveNode(answers: (body: string, index: number) => unknown) {
  return serve(({ body }, response, index) => {
    const answer = answers(body, index);
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  });
}

function reference(url: string, settings: Partial<ChainlinkSettings> = {}, request: HttpClient = quickHttp()) {
  return createChainlink({ url, feeds: FEEDS, ...settings }, request);
}

function shown(answer: ReferenceAnswer): string {
  const pair = formatPair(answer.pair);
  if ("failure" in answer) return `${pair} ${answer.failure}: ${answer.reason}`;
  return `${pair} ${answer.quote.price.toFixed()} at ${answer.quote.asOf}`;
}

/** Returns the result for XLM/USD if the endpoint answers the batch of the calls 0 (round) and 1 (decimals) with this. */
async function answerTo(answer: unknown): Promise<string> {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  const [only] = await reference("http://127.0.0.1", {}, async () => text).fetchQuotes([XLM], NEVER);
  return shown(only as ReferenceAnswer);
}

it("requests all pairs in one batch, and decimals only once", async () => {
  const server = await serveNode(well);
  const chainlink = reference(`${server.url}/v2/${SECRET}`);
  const expected = [
    "crypto:BTC/fiat:USD 70123.45678901 at 1711356300000000",
    "crypto:ETH/fiat:USD unknown: no feed of the pair is configured",
    "crypto:XLM/fiat:USD 0.38123456 at 1711356300000000",
  ];
  expect((await chainlink.fetchQuotes([BTC, ETH, XLM], NEVER)).map(shown)).toEqual(expected);
  expect((await chainlink.fetchQuotes([BTC, ETH, XLM], NEVER)).map(shown)).toEqual(expected);
  const call = (id: number, to: string, data: string) => {
    return { jsonrpc: "2.0", id, method: "eth_call", params: [{ to, data }, "latest"] };
  };
  const btc = BTC_FEED.toLowerCase();
  expect(server.received.map(({ body }) => JSON.parse(body))).toEqual([
    [call(0, btc, ROUND), call(1, btc, DECIMALS), call(2, XLM_FEED, ROUND), call(3, XLM_FEED, DECIMALS)],
    [call(0, btc, ROUND), call(1, XLM_FEED, ROUND)],
  ]);
  expect(server.received[0]).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
  expect(server.received[0]?.url.pathname).toBe(`/v2/${SECRET}`);
  expect([XLM, BTC, ETH, parsePair("USD/XLM")].map(chainlink.covers)).toEqual([true, true, false, false]);
});

it("sends no request without a covered pair, and reads a feed with two names once", async () => {
  const server = await serveNode(well);
  const feeds = [...FEEDS, { pair: parsePair("native/USD"), address: XLM_FEED.toUpperCase().replace("0X", "0x") }];
  const chainlink = reference(server.url, { feeds });
  expect(await chainlink.fetchQuotes([ETH], NEVER)).toMatchObject([{ failure: "unknown" }]);
  expect(server.received.length).toBe(0);
  expect((await chainlink.fetchQuotes([XLM, parsePair("native/USD")], NEVER)).map(shown)).toEqual([
    "crypto:XLM/fiat:USD 0.38123456 at 1711356300000000",
    "native/fiat:USD 0.38123456 at 1711356300000000",
  ]);
  expect(JSON.parse(server.received[0]?.body ?? "").length).toBe(2);
});

it("requests decimals again until they are valid", async () => {
  const server = await serveNode((body, index) =>
    node((_to, data) => (data === ROUND ? round() : words([37n, 2n ** 255n, 36n][index] ?? 0n)))(body),
  );
  const chainlink = reference(server.url);
  const answers = [];
  for (let count = 0; count < 4; count++) answers.push(...(await chainlink.fetchQuotes([XLM], NEVER)));
  const refused = "crypto:XLM/fiat:USD unreadable: the feed's decimals are more than 36";
  const absurd = "crypto:XLM/fiat:USD unreadable: the price 3.80000e-35 is not between 1e-30 and 1e40";
  expect(answers.map(shown)).toEqual([refused, refused, absurd, absurd]);
  expect(server.received.map(({ body }) => JSON.parse(body).length)).toEqual([2, 2, 2, 1]);
});

describe("a feed that returns", () => {
  it.each<[string, unknown]>([
    ["zero", round({ answer: 0n })],
    ["a negative price", round({ answer: -38n })],
    ["the smallest int256", round({ answer: -(2n ** 255n) })],
    ["an absurd price", round({ answer: 2n ** 255n - 1n })],
    ["an unfinished round", round({ updatedAt: 0n })],
    ["an invalid time", round({ updatedAt: 2n ** 64n })],
    ["a price of an earlier round", round({ roundId: 9n, answeredInRound: 8n })],
    ["round numbers that are too long", round({ roundId: 2n ** 80n })],
    ["no data, as without a contract", "0x"],
    ["four words", words(7n, 38n, 1n, 1n)],
    ["six words", words(7n, 38n, 1n, 1n, 7n, 0n)],
    ["half a word too much", `${round()}00`],
    ["no hex", `0x${"g".repeat(320)}`],
    ["no prefix", round().slice(2).padEnd(322, "0")],
    ["a number", 38],
    ["null", null],
    ["undefined", undefined],
    ["words in a list", [round()]],
  ])("%s has no price", async (_name, result) => {
    expect(await answerTo([entry(0, result), entry(1, words(8n))])).toMatch(/^crypto:XLM\/fiat:USD unreadable: /);
  });

  it.each<[string, unknown]>([
    ["nothing", "0x"],
    ["two words", words(8n, 8n)],
    ["37", words(37n)],
    ["a plain number", 8],
    ["null", null],
  ])("%s as decimals has no price", async (_name, decimals) => {
    expect(await answerTo([entry(0, round()), entry(1, decimals)])).toMatch(/^crypto:XLM\/fiat:USD unreadable: /);
  });
});

describe("an endpoint that answers", () => {
  const both = [entry(0, round()), entry(1, words(2n))];
  const unreadable = "crypto:XLM/fiat:USD unreadable:";
  const noBatch = "the endpoint has to support JSON-RPC batches";
  const error = { code: -32000, message: `bad key ${SECRET}` };

  it.each<[string, unknown, string]>([
    ["in another order", both.toReversed(), "crypto:XLM/fiat:USD 0.38 at 1711356300000000"],
    [
      "with more results than requested",
      [...both, entry(2, "0x"), null, 5],
      "crypto:XLM/fiat:USD 0.38 at 1711356300000000",
    ],
    [
      "with errors that are null",
      both.map((one) => ({ ...one, error: null })),
      "crypto:XLM/fiat:USD 0.38 at 1711356300000000",
    ],
    ["without the round", [both[1]], `${unreadable} a call of the batch has 0 answers`],
    ["without the decimals", [both[0]], `${unreadable} a call of the batch has 0 answers`],
    ["with the round twice", [...both, both[0]], `${unreadable} a call of the batch has 2 answers`],
    [
      "with different ids",
      both.map((one) => ({ ...one, id: one.id + 2 })),
      `${unreadable} a call of the batch has 0 answers`,
    ],
    [
      "with text ids",
      both.map((one) => ({ ...one, id: `${one.id}` })),
      `${unreadable} a call of the batch has 0 answers`,
    ],
    ["an error", [{ id: 0, error }, both[1]], `${unreadable} a call failed (error -32000)`],
    ["an error and a result", [{ ...both[0], error: "no" }, both[1]], `${unreadable} a call failed`],
    [
      "one error for all",
      { jsonrpc: "2.0", id: null, error },
      `${unreadable} the answer to the batch is not a list (error -32000); ${noBatch}`,
    ],
    ["one result", both[0], `${unreadable} the answer to the batch is not a list; ${noBatch}`],
    ["null", "null", `${unreadable} the answer to the batch is not a list; ${noBatch}`],
    ["a page", "<html>busy</html>", `${unreadable} the response is not valid JSON`],
    ["half", JSON.stringify(both).slice(0, 300), `${unreadable} the response is not valid JSON`],
    ["nothing", "", `${unreadable} the response is not valid JSON`],
  ])("%s", async (_name, answer, expected) => {
    expect(await answerTo(answer)).toBe(expected);
  });

  it("an invalid round of one feed does not affect another feed", async () => {
    const server = await serveNode(
      node((to, data) => (data === DECIMALS ? words(2n) : to === XLM_FEED ? "0x" : round())),
    );
    expect((await reference(server.url).fetchQuotes([XLM, BTC], NEVER)).map(shown)).toEqual([
      "crypto:XLM/fiat:USD unreadable: the contract does not return 5 words, as a feed does",
      "crypto:BTC/fiat:USD 0.38 at 1711356300000000",
    ]);
  });
});

it("does not show its URL in results and errors", async () => {
  const server = await serve((_request, response, index) => {
    if (index === 0) response.writeHead(403).end(`bad key ${SECRET}`);
    else response.destroy();
  });
  const chainlink = reference(`${server.url}/v2/${SECRET}?key=${SECRET}`);
  const answers = [await chainlink.fetchQuotes([XLM, BTC], NEVER), await chainlink.fetchQuotes([XLM], NEVER)].flat();
  expect(answers.map((answer) => "failure" in answer && answer.failure)).toEqual(Array(3).fill("unreachable"));
  expect(JSON.stringify(answers)).not.toContain(SECRET);
  for (const url of [SECRET, `wss://host/${SECRET}`, `https://:${SECRET}@host`]) {
    expect(() => reference(url)).toThrow(InputError);
    expect(() => reference(url)).not.toThrow(SECRET);
  }
});

it.each([
  ["an invalid address", [{ pair: XLM, address: "0x1a" }], "crypto:XLM/fiat:USD is not 0x and 40 hex digits"],
  ["two feeds of a pair", [...FEEDS, { pair: XLM, address: BTC_FEED }], "two feeds of crypto:XLM/fiat:USD"],
])("refuses %s", (_name, feeds, message) => {
  expect(() => reference("https://rpc.example", { feeds })).toThrow(InputError);
  expect(() => reference("https://rpc.example", { feeds })).toThrow(message);
});

it("ends immediately when the signal aborts, with a result for each pair", async () => {
  const server = await serve(() => {});
  const leaving = new AbortController();
  const asked = reference(server.url).fetchQuotes([XLM, ETH, BTC], leaving.signal);
  await server.receives(1);
  leaving.abort();
  expect(await asked).toMatchObject([{ failure: "unreachable" }, { failure: "unknown" }, { failure: "unreachable" }]);
});

describe("the decoding of words", () => {
  it("is the exact inverse of encoding", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 40n }),
        fc.integer({ min: 0, max: 30 }),
        fc.bigInt({ min: 0n, max: 2n ** 80n - 1n }),
        fc.bigInt({ min: 1n, max: 253_402_300_799n }),
        (answer, decimals, roundId, updatedAt) => {
          const result = round({ answer, roundId, updatedAt });
          expect(readDecimals(words(BigInt(decimals)))).toBe(decimals);
          const quote = readRound(result.toUpperCase().replace("0X", "0x"), decimals);
          const digits = answer.toString().padStart(decimals + 1, "0");
          const point = digits.length - decimals;
          expect(quote.price.toFixed(decimals)).toBe(
            decimals === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`,
          );
          expect(quote.asOf).toBe(updatedAt * 1_000_000n);
        },
      ),
    );
  });

  it("decodes the signed answer", () => {
    expect(() => readRound(round({ answer: -38n }), 2)).toThrow("the price -0.380000 is not between");
  });

  it("returns a positive price or a reason, for any words", () => {
    const word = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 40n }));
    const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdefxX-+ _"), maxLength: 330 });
    const result = fc.oneof(
      fc.array(word, { minLength: 4, maxLength: 6 }).map((values) => words(...values)),
      hex.map((text) => `0x${text}`),
      hex.map((text) => `0x${text.padEnd(320, "0")}`),
      fc.anything(),
    );
    fc.assert(
      fc.property(result, fc.integer({ min: 0, max: 36 }), (value, decimals) => {
        try {
          expect(readRound(value, decimals).price.gt(0)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(NoQuote);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
