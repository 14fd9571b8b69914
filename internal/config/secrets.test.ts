import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { problemsOf } from "./config.testing.ts";
import { ConfigError } from "./problems.ts";
import { maskSecret, maskSecrets } from "./secrets.ts";

describe("secrets", () => {
  it.each([
    ["redis://:pw@h:1/0", "redis://:***@h:1/0"],
    ["postgres://u:p@w:/x y@h/db", "postgres://u:***@h/db"],
    ["postgres://u@h:5432/db", "postgres://u@h:5432/db"],
    ["postgres:///db?user=u&password=pw&port=1", "postgres:///db?user=u&password=***&port=1"],
    [
      "postgres://h/db?sslmode=require&sslpassword=pw&token=pw",
      "postgres://h/db?sslmode=require&sslpassword=***&token=***",
    ],
    ["postgres://u:hunter?2@h/db", "postgres://u:***@***"],
    ["postgres://h/db?hunter2", "postgres://h/db?***"],
    ["redis://hunter2@h:1/0", "redis://***@h:1/0"],
    ["redis://hunter2:@h:1/0", "redis://***@h:1/0"],
    ["rediss+sentinel://hunter2@h:1,i:2/n", "rediss+sentinel://***@h:1,i:2/n"],
    ["redis://h?token=hunter2&db=3", "redis://h?token=***&db=3"],
    ["https://hunter2@h/v1", "https://***@h/v1"],
    [
      "opening the database (postgres://h/db?work_mem=pw) soon",
      "opening the database (postgres://h/db?work_mem=***) soon",
    ],
    ["pglite:dir", "pglite:dir"],
    ["redis+sentinel://u:p@w@h:1,i:2/n/0", "redis+sentinel://u:***@h:1,i:2/n/0"],
    ["redis+sentinel://:p@h,i/n?sentinel_password=p@w", "redis+sentinel://:***@h,i/n?sentinel_password=***"],
    ["rediss+sentinel://h:1,i:2/n?sentinel_password=p@w", "rediss+sentinel://h:1,i:2/n?sentinel_password=***"],
    ["redis+sentinel://h:1,i:2/n", "redis+sentinel://h:1,i:2/n"],
  ])("%s is shown as %s", (url, shown) => expect(maskSecrets(url)).toBe(shown));

  it("are masked to the end of a value that contains blanks", () => {
    expect(maskSecret("postgres://h/db?password=hunter2 hunter2&x=y hunter2", "password")).toBe(
      "postgres://h/db?password=***&x=***",
    );
  });

  it("never appear in an error, whichever key contains them", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9@:/ #%]{0,5}hunter2[A-Za-z0-9@:/ #%]{0,90}$/);
    const lines = ["database.url", "redis.url", "log.level", "api.listen", "log.x", "database.retention.trades"].map(
      (key) => (url: string) => `${key} = ${url}`,
    );
    const place = fc.constantFrom(
      ...lines,
      (url: string) => `aggregate.pairs = [${url}]`,
      (url: string) => `aggregate.aliases = { ${url} = [] }`,
      (url: string) => `aggregate.pegs = { A = ${url} }`,
      (url: string) => `${url} = 1`,
      (url: string) => `sources = [{ name = ${url} }]`,
    );
    fc.assert(
      fc.property(secret, place, fc.boolean(), (password, write, broken) => {
        const text = `${write(JSON.stringify(`http://u:${password}@h/0`))}${broken ? " x" : ""}`;
        const problems = problemsOf(text);
        expect(problems).not.toEqual([]);
        expect(new ConfigError(problems).message).not.toContain("hunter2");
      }),
    );
  });
});

describe("an API key", () => {
  it.each([
    ["https://mainnet.infura.io/v3/hunter2", "https://mainnet.infura.io/***"],
    ["http://h:8545?key=hunter2", "http://h:8545/***"],
    ["https://h:8545/", "https://h:8545/"],
    ["https://h", "https://h"],
    ["", ""],
  ])("is masked after the host of %j", (url, shown) => expect(maskSecret(url, "after-host")).toBe(shown));

  it("never appears in an error, whichever key contains it", () => {
    const [key, url] = ['"CG hunter2"', '"https://h/v3/hunter2"'];
    const lines = [
      `divergence.coingecko.api_key = ${key}`,
      `divergence.coingecko.api_key = [${key}]`,
      `divergence.coingecko.api_key.x = ${key}`,
      `divergence.coingecko = ${key}`,
      `divergence = ${key}`,
      `divergence.chainlink = ${key}`,
      `divergence.chainlink.rpc_url = ${key}`,
      `divergence.chainlink.rpc_url = "https://hunter2@h"`,
      `divergence.chainlink.feeds = ${url}`,
      `divergence.chainlink.feeds = { ${url} = "0x" }`,
      `divergence.chainlink.feeds = { "BTC/USD" = ${url} }`,
      `divergence.coingecko.ids = { XLM = ${url} }`,
      `divergence.chainlink.${url} = ""`,
      `aggregate.pairs = [${url}]`,
      `aggregate.outlier_method = ${url}`,
      `log = ${url}`,
    ];
    for (const line of lines) {
      const problems = problemsOf(line);
      expect(problems, line).toHaveLength(1);
      expect(new ConfigError(problems).message, line).not.toContain("hunter2");
    }
    expect(problemsOf("divergence.coingecko.api_key = 271828")).toMatchObject([
      { wrong: "is a value that is not shown, since it may be a secret", right: expect.stringContaining("256 ASCII") },
    ]);
  });
});
