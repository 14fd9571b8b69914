import { describe, expect, it } from "vitest";
import { load, problemsOf } from "./config.testing.ts";
import { formatConfig } from "./print.ts";
import { ConfigError } from "./problems.ts";

const SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
const hook = (lines: string) =>
  `[[deliveries]]\nname = "hook"\ntype = "webhook"\nurl = "https://h.example/hunter2"\n${lines}`;
const signed = (lines: string) => hook(`secrets = [{ env = "A" }]\n${lines}`);
const graph = (lines: string) =>
  `[[deliveries]]\nname = "graph"\ntype = "graphql"\nurl = "https://h.example/"\n${lines}`;

const FULL = `${graph('query = "mutation { a }"\nevents = ["item.*"]\npairs = ["XLM/USD"]\nordering = "per_key"\norder_key = "/a~1b"\nretry = ["5s", "1m30s"]\nallow = ["10.0.0.0/8", "::1/128"]')}
[deliveries.where]
"/kind" = ["new", 1, true]
"/sub/kind" = "x"
[deliveries.headers]
authorization = "Bearer hunter2"
x-key = { env = "X_KEY" }
[deliveries.variables]
brand = "testBrand"
tags = ["a", "b"]
id = { from = "/id" }
code = { from = "/code", table = { A = "x", B = 2 }, default = "y" }
when = { event = "recorded_at", missing = "omit" }
from = { from = { from = "/origin", missing = "null" }, to = { a = { b = 1.5 } } }
${hook(`secrets = ["${SECRET}", { file = "/run/hunter.key" }]\n[deliveries.body]\nid = { event = "id" }`)}
`;

describe("[[deliveries]]", () => {
  it("have defaults", () => {
    expect(load(signed("")).config.deliveries).toEqual([
      {
        name: "hook",
        type: "webhook",
        url: "https://h.example/hunter2",
        events: [],
        pairs: [],
        where: [],
        rate: 0,
        burst: 1,
        concurrency: 8,
        ordering: "none",
        order_key: "",
        timeout: 10,
        retry: [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400],
        allow: [],
        headers: {},
        secrets: [{ env: "A" }],
      },
    ]);
  });

  it("are not named like a source, which is paused and limited by its name, too", () => {
    const named = (name: string) => signed("").replace('"hook"', `"${name}"`);
    const right = (name: string) => ({ key: "deliveries[0].name", right: `another one, such as "${name}-hook"` });
    const feed = '[[feeds]]\nsource = "venue"\npair = "XLM/USD"\nconnector = "kraken"\nmarket = "XLMUSD"\n';
    expect(problemsOf(named("kraken"))).toMatchObject([right("kraken")]);
    expect(problemsOf(`${named("venue")}${feed}`)).toMatchObject([right("venue")]);
    expect(problemsOf(named("venue"))).toEqual([]);
  });

  it("are printed without their secrets, and load again as they are but for these", () => {
    const loaded = load(FULL);
    const printed = formatConfig(loaded);
    expect(printed).not.toContain("hunter2");
    expect(printed).not.toContain(SECRET);
    expect(printed).toContain('secrets = ["***", { file = "/run/hunter.key" }]');
    expect(printed).toMatch(/^authorization = "\*\*\*" +# file$/m);
    expect(printed).toMatch(/^url = "https:\/\/h\.example\/\*\*\*" +# file$/m);
    const [graphql, webhook] = load(printed.replace('["***"', `["${SECRET}"`)).config.deliveries;
    const [before, other] = loaded.config.deliveries;
    expect(graphql).toEqual({ ...before, headers: { ...before?.headers, authorization: "***" } });
    expect(webhook).toEqual({ ...other, url: "https://h.example/***" });
  });

  it.each([
    [hook(""), "secrets", "has no entry", "NAME"],
    [hook('secrets = ["hunter2"]'), "secrets[0]", "neither whsec_ nor whsk_", '"whsec_…", "whsk_…", { env = "NAME" }'],
    [hook('secrets = ["whsec_hunter2="]'), "secrets[0]", "neither whsec_", "whsec_"],
    [hook('secrets = ["whsec_aHVudGVyMg=="]'), "secrets[0]", "has 7 bytes after whsec_, not 24 to 64", "whsec_"],
    [hook('secrets = ["whsk_aHVudGVyMg=="]'), "secrets[0]", "has 7 bytes after whsk_, not 32", "whsk_"],
    [hook('secrets = [{ evn = "hunter2" }]'), "secrets[0]", "a table", "{ env"],
    [signed('name2 = "x"'), "name2", "is not a known key", "name"],
    [signed('query = "mutation"'), "query", 'is there for type "webhook"', "no such key"],
    [signed('order_key = "/a"'), "order_key", "has no effect", "per_key"],
    [signed('ordering = "per_key"\norder_key = "a"'), "order_key", "is not a JSON Pointer", "a JSON Pointer"],
    [signed('events = ["a*b"]'), "events[0]", 'is the text "a*b"', "incident.*"],
    [signed('allow = ["10.0.0.1"]'), "allow[0]", "is not a range", "10.1.0.0/16"],
    [signed('timeout = "0"'), "timeout", "is not from 1s to 5m", "10s"],
    [signed('[deliveries.where]\nkind = "x"'), "where.kind", "is not a JSON Pointer", "a table of JSON Pointers"],
    [signed('[deliveries.where]\n"/k" = []'), 'where."/k"', "is neither a value", "a table of JSON Pointers"],
    [signed('[deliveries.headers]\nWebhook-Id = "x"'), "headers.Webhook-Id", "is set for each", "another header"],
    [signed('[deliveries.headers]\na = "x"\nA = "y"'), "headers.A", "occurs twice", "once"],
    [signed('[deliveries.headers]\na = "hun\\nter2"'), "headers.a", "not shown", "a text of ASCII"],
    [signed('[deliveries.body]\na = { from = "b" }'), "body.a.from", '"b" is not a JSON Pointer', "a table"],
    [signed('[deliveries.body]\na = { from = "/b", tabel = {} }'), "body.a.tabel", "is not a known key", "table"],
    [signed('[deliveries.body]\na = { from = "/b", event = "id" }'), "body.a", "both from and event", "one of them"],
    [signed('[deliveries.body]\na = { event = "di" }'), "body.a.event", 'is "di"', "one of id, type"],
    [signed('[deliveries.body]\na = { from = "", missing = "skip" }'), "body.a.missing", 'is "skip"', '"omit"'],
    [signed("[deliveries.body]\na = { b = inf }"), "body.a.b", "is no constant", "a number"],
    [graph(""), "query", "is missing", "the text of a mutation"],
    [graph('query = "query { a }"'), "query", "the text", "mutation"],
    [graph('query = "mutation { a }"\nsecrets = [{ env = "A" }]'), "secrets", 'type "graphql"', "no such key"],
    [graph('query = "mutation { a }"\nurl = "x"').replace('url = "https://h.example/"\n', ""), "url", "", "https URL"],
  ])("are refused where wrong: %j", (text, key, wrong, right) => {
    const problems = problemsOf(text);
    expect(problems).toMatchObject([
      { key: `deliveries[0].${key}`, wrong: expect.stringContaining(wrong), right: expect.stringContaining(right) },
    ]);
    expect(new ConfigError(problems).message).not.toContain("hunter2");
  });

  it("need allow for http, and names of their own", () => {
    const http = signed("").replace("https:", "http:");
    expect(problemsOf(http)).toMatchObject([
      { key: "deliveries[0].url", wrong: expect.stringContaining("not encrypted") },
    ]);
    expect(problemsOf(`${http}\nallow = ["127.0.0.0/8"]`)).toEqual([]);
    expect(problemsOf(signed("") + signed(""))).toMatchObject([
      { key: "deliveries[1].name", wrong: '"hook" occurs twice' },
    ]);
  });
});
