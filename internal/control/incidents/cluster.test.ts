import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { clusterOf } from "./cluster.ts";

describe("clusterOf", () => {
  it.each([
    ["answered 502 after 3.25 s", "answered <n> after <n> s"],
    ["pair \"XLM/USD\" of 'kraken' is unknown", "pair <text> of <text> is unknown"],
    ["GET https://api.example.com/v1/x?y=1: refused", "GET <address> refused"],
    ["connect ECONNREFUSED 10.0.0.7:5432", "connect ECONNREFUSED <address>"],
    ["connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED <address>"],
    ["no order 7f3b2c1d-0000-4a5b-8c9d-aabbccddeeff", "no order <n>"],
    ["tx 5f9a8b7c6d5e4f3a2b1c is missing", "tx <n> is missing"],
    ["unknown account GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN", "unknown account <n>"],
    ["mail to someone@example.com failed", "mail to <address> failed"],
    ["don't know what's wrong", "don't know what's wrong"],
    ["two\nlines\t here", "two lines here"],
    ["", ""],
  ])("takes out of %j what differs: %j", (message, cluster) => {
    expect(clusterOf(message)).toBe(cluster);
  });

  const words = fc.array(fc.constantFrom("timeout", "of", "order", "failed", "at", "host"), {
    minLength: 1,
    maxLength: 6,
  });

  it("has no digit, is short, and is its own cluster", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (message) => {
        const cluster = clusterOf(message);
        expect(cluster).not.toMatch(/\p{Nd}/u);
        expect(cluster.length).toBeLessThanOrEqual(160);
        expect(clusterOf(cluster)).toBe(cluster);
      }),
      { numRuns: runsOf(400) },
    );
  });

  it("is the same for other numbers, quoted texts, ids and addresses, and differs for other words", () => {
    const variables = {
      number: fc.nat().map(String),
      quoted: fc.stringMatching(/^[a-z0-9 ]{1,20}$/).map((text) => `"${text}"`),
      id: fc.uuid(),
      address: fc.ipV4(),
    };
    const parts = fc.array(fc.constantFrom(...(Object.keys(variables) as (keyof typeof variables)[])), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(words, parts, fc.gen(), (text, variable, gen) => {
        const message = () => [...text, ...variable.map((name) => gen(() => variables[name]))].join(" ");
        expect(clusterOf(message())).toBe(clusterOf(message()));
        expect(clusterOf(text.join(" "))).toBe(text.join(" "));
      }),
    );
  });
});
