import { expect, test } from "vitest";
import { openTestApi, unreachableDatabase } from "./api.testing.ts";

test("shows the registry that the class filter uses, overrides included", async () => {
  const api = openTestApi({
    database: unreachableDatabase(),
    policy: {
      sources: [
        { name: "bybit", subclass: "cex", weight: 50 },
        { name: "kraken", include_in_vwap: false },
      ],
    },
  });
  const { status, body, headers } = await api.get("/v1/sources");
  expect(status).toBe(200);
  expect(headers.get("Cache-Control")).toBe("public, max-age=60");
  const names = body.data.map(({ name }: { name: string }) => name);
  expect(names).toEqual([...names].sort());
  expect(names).toEqual([...api.policy.registry.keys()]);
  expect(body.data).toContainEqual({
    name: "bybit",
    class: "exchange",
    subclass: "cex",
    include_in_vwap: true,
    weight: 50,
  });
  expect(body.data).toContainEqual(expect.objectContaining({ name: "kraken", include_in_vwap: false }));
  expect(body.data).toContainEqual({
    name: "ecb",
    class: "authority_sanity",
    subclass: null,
    include_in_vwap: false,
    weight: 100,
  });
});
