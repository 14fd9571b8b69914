import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Asset, parseAsset } from "../canonical/asset.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import { formatPair, makePair, parsePair } from "../canonical/pair.ts";
import type { HttpClient } from "../http/client.ts";
import { NEVER, quickHttp, serve } from "../http/local-server.testing.ts";
import { type CoingeckoSettings, createCoingecko } from "./coingecko.ts";
import type { ReferenceAnswer } from "./reference.ts";

const SECRET = "CG-s3cr3t";
const IDS = new Map<Asset, string>([
  [parseAsset("native"), "stellar"],
  [parseAsset("XLM"), "stellar"],
  [parseAsset("BTC"), "bitcoin"],
  [parseAsset("ETH"), "ethereum"],
]);
const XLM_USD = parsePair("XLM/USD");

/** Answers like the API, with the requested coins in the requested currencies. */
function api(coins: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  return serve(({ url }, response) => {
    const list = (name: string) => (url.searchParams.get(name) ?? "").split(",");
    const wanted = [...list("vs_currencies"), "last_updated_at"];
    const entries = list("ids").flatMap((id) => {
      const coin = coins[id];
      if (coin === undefined) return [];
      const prices = wanted.flatMap((key) => (coin[key] === undefined ? [] : [`"${key}":${coin[key]}`]));
      return [`"${id}":{${prices.join(",")}}`];
    });
    response.writeHead(200, { "content-type": "application/json" }).end(`{${entries.join(",")}}`);
  });
}

function reference(url: string, settings: Partial<CoingeckoSettings> = {}, request: HttpClient = quickHttp()) {
  return createCoingecko({ url, ids: IDS, ...settings }, request);
}

/** Returns the result for XLM/USD if the server always answers with this body. */
async function answerTo(body: string): Promise<string> {
  const [answer] = await reference("http://127.0.0.1", {}, async () => body).fetchQuotes([XLM_USD], NEVER);
  return shown(answer as ReferenceAnswer);
}

function shown(answer: ReferenceAnswer): string {
  const pair = formatPair(answer.pair);
  if ("failure" in answer) return `${pair} ${answer.failure}: ${answer.reason}`;
  return `${pair} ${answer.quote.price.toFixed()} at ${answer.quote.asOf}`;
}

it("requests all pairs at once and parses exact prices", async () => {
  const server = await api({
    stellar: { usd: "0.3812345678901234567", eur: "1.94e-7", last_updated_at: "1711356300" },
    bitcoin: { usd: "70123.45678901234567890123", last_updated_at: "1711356301" },
  });
  const pairs = ["XLM/USD", "XLM/EUR", "BTC/EUR", "native/USD", "BTC/USD", "ETH/USD", "DOGE/USD", "XLM/BTC"].map(
    parsePair,
  );
  const coingecko = reference(`${server.url}/api/v3/`);
  expect((await coingecko.fetchQuotes(pairs, NEVER)).map(shown)).toEqual([
    "crypto:XLM/fiat:USD 0.3812345678901234567 at 1711356300000000",
    "crypto:XLM/fiat:EUR 0.000000194 at 1711356300000000",
    "crypto:BTC/fiat:EUR unknown: there is no price of bitcoin in eur",
    "native/fiat:USD 0.3812345678901234567 at 1711356300000000",
    "crypto:BTC/fiat:USD 70123.45678901234567890123 at 1711356301000000",
    "crypto:ETH/fiat:USD unknown: there is no price of ethereum in usd",
    "crypto:DOGE/fiat:USD unknown: the pair is not a listed coin in a fiat currency",
    "crypto:XLM/crypto:BTC unknown: the pair is not a listed coin in a fiat currency",
  ]);
  expect(pairs.map(coingecko.covers)).toEqual([true, true, true, true, true, true, false, false]);
  expect(
    server.received.map(({ method, url }) => [method, url.pathname, Object.fromEntries(url.searchParams)]),
  ).toEqual([
    [
      "GET",
      "/api/v3/simple/price",
      {
        ids: "stellar,bitcoin,ethereum",
        vs_currencies: "usd,eur",
        include_last_updated_at: "true",
        precision: "full",
      },
    ],
  ]);
});

it("sends no request without a covered pair", async () => {
  const server = await api({});
  const coingecko = reference(server.url);
  expect(await coingecko.fetchQuotes([], NEVER)).toEqual([]);
  expect(await coingecko.fetchQuotes([parsePair("DOGE/USD")], NEVER)).toMatchObject([{ failure: "unknown" }]);
  expect(server.received).toEqual([]);
});

it("requests a hundred coins at a time, and each request fails independently", async () => {
  const names = Array.from({ length: 250 }, (_, index) => `C${index}`);
  const server = await serve(({ url }, response) => {
    const ids = url.searchParams.get("ids")?.split(",") ?? [];
    if (ids.includes("c150")) return response.writeHead(400).end();
    return response.end(`{${ids.map((id) => `"${id}":{"usd":${id.slice(1)}.5,"last_updated_at":7}`).join(",")}}`);
  });
  const ids = new Map(names.map((name) => [parseAsset(name), name.toLowerCase()]));
  const pairs = names.map((name) => makePair(name, "USD"));
  const answers = await reference(server.url, { ids }).fetchQuotes(pairs, NEVER);
  expect(answers.map(({ pair }) => pair)).toEqual(pairs);
  answers.forEach((answer, index) => {
    expect(shown(answer)).toContain(index >= 100 && index < 200 ? "unreachable: 127.0.0.1" : `${index}.5 at 7000000`);
  });
  expect(server.received.map(({ url }) => url.searchParams.get("ids")?.split(",").length).sort()).toEqual([
    100, 100, 50,
  ]);
});

describe("the API key", () => {
  it.each([
    ["https://api.coingecko.com/api/v3", "x-cg-demo-api-key"],
    ["https://pro-api.coingecko.com/api/v3", "x-cg-pro-api-key"],
  ])("for %s is sent in %s", async (url, header) => {
    const sent: unknown[] = [];
    const request: HttpClient = async (address, { headers }) => {
      sent.push(address.href, headers);
      return "{}";
    };
    await reference(url, { apiKey: SECRET }, request).fetchQuotes([XLM_USD], NEVER);
    expect(sent).toEqual([
      expect.stringContaining(`${url}/simple/price?ids=stellar&vs_currencies=usd&`),
      { accept: "application/json", [header]: SECRET },
    ]);
  });

  it("is sent and does not appear in results", async () => {
    const server = await serve(({ headers }, response, index) => {
      expect(headers["x-cg-demo-api-key"]).toBe(SECRET);
      if (index === 0) response.writeHead(401).end(`bad key ${SECRET}`);
      else response.end(`{"stellar":{"usd":"${SECRET}","last_updated_at":1}}`);
    });
    const coingecko = reference(server.url, { apiKey: SECRET });
    const answers = [await coingecko.fetchQuotes([XLM_USD], NEVER), await coingecko.fetchQuotes([XLM_USD], NEVER)];
    expect(answers.flat()).toMatchObject([{ failure: "unreachable" }, { failure: "unreadable" }]);
    expect(JSON.stringify(answers)).not.toContain(SECRET);
  });

  it.each([
    ["http://127.0.0.1", { apiKey: `${SECRET}\n` }],
    ["http://127.0.0.1", { apiKey: "" }],
    [`ftp://${SECRET}`, {}],
    [`https://user:${SECRET}@host/`, {}],
    [`${SECRET}://`, {}],
  ])("and the URL are not shown if they are invalid", (url, settings) => {
    let thrown: unknown;
    try {
      reference(url, settings);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InputError);
    expect(String(thrown)).toContain("coingecko");
    expect(String(thrown)).not.toContain(SECRET);
  });
});

it("parses every notation of numbers exactly", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.bigInt({ min: 1n, max: 10n ** 35n }),
      fc.integer({ min: -30, max: 4 }),
      fc.boolean(),
      async (units, exponent, plain) => {
        const price = parseDecimal(`${units}e${exponent}`);
        const text = plain ? price.toFixed() : `${units}e${exponent}`;
        expect(await answerTo(`{"stellar":{"usd":${text},"last_updated_at":1711356300}}`)).toBe(
          `crypto:XLM/fiat:USD ${price.toFixed()} at 1711356300000000`,
        );
      },
    ),
  );
});

describe("an invalid price", () => {
  it.each(["-0.38", "0", "-0", "0.0", "1e-31", "1.1e40", "1e400", "1e99999", "9".repeat(500), '"0.38"', "true", "[]"])(
    "%.20s is unreadable",
    async (price) => {
      expect(await answerTo(`{"stellar":{"usd":${price},"last_updated_at":1711356300}}`)).toMatch(
        /^crypto:XLM\/fiat:USD unreadable: /,
      );
    },
  );

  it.each([
    "",
    "null",
    '"yesterday"',
    '"1711356300"',
    "1711356300.5",
    "1.7e9",
    "0",
    "-5",
    "999999999999",
    "9".repeat(40),
  ])("of the time %j is unreadable", async (time) => {
    const member = time === "" ? "" : `,"last_updated_at":${time}`;
    expect(await answerTo(`{"stellar":{"usd":0.38${member}}}`)).toMatch(/^crypto:XLM\/fiat:USD unreadable: /);
  });

  it.each([
    "",
    "<!doctype html><title>Just a moment...</title>",
    '{"stellar":{"usd":NaN,"last_updated_at":1711356300}}',
    '{"stellar":{"usd":0.38,"last_updated_at":17113',
    "null",
    "[]",
    '"stellar"',
    "5",
    '{"stellar":5}',
    '{"stellar":[0.38]}',
    '{"stellar":"0.38"}',
  ])("in %j is unreadable", async (body) => {
    expect(await answerTo(body)).toMatch(/^crypto:XLM\/fiat:USD unreadable: /);
  });

  it.each(["{}", '{"stellar":{}}', '{"stellar":{"usd":null,"last_updated_at":null}}', '{"bitcoin":{"usd":1}}'])(
    "in %j is unknown",
    async (body) => {
      expect(await answerTo(body)).toBe("crypto:XLM/fiat:USD unknown: there is no price of stellar in usd");
    },
  );

  it.each(["constructor", "__proto__", "toString"])("of a coin by the name of %s is unknown", async (id) => {
    const ids = new Map([[parseAsset("XLM"), id]]);
    const answers = await reference("http://127.0.0.1", { ids }, async () => "{}").fetchQuotes([XLM_USD], NEVER);
    expect(answers).toMatchObject([{ failure: "unknown" }]);
  });
});

it("an invalid price does not affect others of the same answer", async () => {
  const server = await api({
    stellar: { usd: "-1", last_updated_at: "1711356300" },
    bitcoin: { usd: "70000", last_updated_at: "1711356300" },
  });
  const answers = await reference(server.url).fetchQuotes([XLM_USD, parsePair("BTC/USD")], NEVER);
  expect(answers.map(shown)).toEqual([
    "crypto:XLM/fiat:USD unreadable: the price -1.00000 is not between 1e-30 and 1e40",
    "crypto:BTC/fiat:USD 70000 at 1711356300000000",
  ]);
});

it("ends immediately when the signal aborts, with a result for each pair", async () => {
  const server = await serve(() => {});
  const leaving = new AbortController();
  const asked = reference(server.url).fetchQuotes(
    [XLM_USD, parsePair("DOGE/USD"), parsePair("BTC/EUR")],
    leaving.signal,
  );
  await server.receives(1);
  leaving.abort();
  expect(await asked).toMatchObject([{ failure: "unreachable" }, { failure: "unknown" }, { failure: "unreachable" }]);
});
