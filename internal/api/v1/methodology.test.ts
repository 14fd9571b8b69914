import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { expect, test } from "vitest";
import type { Asset } from "../../canonical/asset.ts";
import { parsePair } from "../../canonical/pair.ts";
import { DEFAULT_POLICY_SETTINGS } from "../../policy/policy.ts";
import { REGISTRY_VERSION } from "../../policy/registry.ts";
import { openTestApi, unreachableDatabase } from "./api.testing.ts";

const database = unreachableDatabase();

async function methodology(policy = {}) {
  const api = openTestApi({ database, policy: { min_usd_volume: 10_000, ...policy } });
  const { status, body, headers } = await api.get("/v1/methodology");
  expect(status).toBe(200);
  expect(headers.get("Cache-Control")).toBe("public, max-age=60");
  expect(body.flags).toEqual({ stale: false, triangulated: false, divergence_warning: false });
  expect(body.data.policy).toBe(api.policy.id);
  return body.data;
}

test("answers the policy in effect with every setting", async () => {
  const { settings, aliases, pegs, triangulations, registry_version, document } = await methodology();
  expect(settings).toEqual({
    disable_class_filter: false,
    enable_stablecoin_fiat_proxy: false,
    peg_tolerance_pct: "2",
    venue_deviation_pct: "10",
    outlier_method: "sigma",
    outlier_sigma_threshold: "4",
    outlier_max_dropped_share: "0.5",
    max_source_share: "0",
    min_sources: 1,
    min_usd_volume: "10000",
    min_usd_volume_unknown: "refuse",
    guard_factor: "2",
    guard_confirmations: 2,
    guard_hold_seconds: 3600,
    twap_carry_seconds: 3600,
    triangulation_enabled: true,
    max_hops: 3,
    route_deviation_pct: "10",
    stellar_network: "public",
  });
  const others = ["aliases", "pegs", "triangulations", "sources"];
  expect([...Object.keys(settings), ...others].sort()).toEqual(Object.keys(DEFAULT_POLICY_SETTINGS).sort());
  const ofLumens = aliases.find((names: string[]) => names.includes("native"));
  expect(ofLumens).toContain("crypto:XLM");
  expect(ofLumens).toContain("CAS3J7GYLGXMF6TDJBBYYSE3HQ6BBSMLNUQ34T6TZMYMW2EVH34XOWMA");
  expect(pegs).toMatchObject({
    "crypto:USDC": "fiat:USD",
    "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN": "fiat:USD",
    "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2": "fiat:EUR",
  });
  expect([triangulations, registry_version, document]).toEqual([
    [],
    REGISTRY_VERSION,
    { registry_version: REGISTRY_VERSION },
  ]);
});

test("answers the policy document that is hashed", async () => {
  const { policy, document, settings, triangulations } = await methodology({
    guard_factor: 0,
    min_usd_volume_unknown: "publish",
    pegs: new Map([["crypto:GUSD" as Asset, "fiat:USD" as Asset]]),
    triangulations: [{ target: parsePair("XLM/EUR"), legs: [parsePair("XLM/USD"), parsePair("EUR/USD")] }],
    sources: [{ name: "gemini", weight: 50 }],
  });
  expect(
    createHash("sha256")
      .update(canonicalize(document) ?? "")
      .digest("hex")
      .slice(0, 12),
  ).toBe(policy);
  expect(document).toMatchObject({ guard_factor: "0", min_usd_volume_unknown: "publish" });
  expect(Object.keys(document).sort()).toEqual([
    "guard_factor",
    "min_usd_volume_unknown",
    "pegs",
    "registry_version",
    "sources",
    "triangulations",
  ]);
  expect(settings).toMatchObject({ guard_factor: "0", min_usd_volume_unknown: "publish" });
  expect(triangulations).toEqual([["crypto:XLM", "fiat:USD", "fiat:EUR"]]);
});

test("takes no parameter", async () => {
  const { status, body } = await openTestApi({ database }).get("/v1/methodology?pair=XLM/USD");
  expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ parameter: "pair" }] } });
});

test("/v1/methodology/policy answers the exact text that is hashed", async () => {
  const api = openTestApi({ database, policy: { min_usd_volume: 5_000 } });
  const { status, body } = await api.get("/v1/methodology/policy");
  expect(status).toBe(200);
  expect(body.data.policy).toBe(api.policy.id);
  expect(createHash("sha256").update(body.data.text).digest("hex").slice(0, 12)).toBe(api.policy.id);
  expect(JSON.parse(body.data.text)).toEqual({ registry_version: REGISTRY_VERSION, min_usd_volume: "5000" });
});
