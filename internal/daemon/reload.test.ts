import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../config/keys.ts";
import { type DaemonName, reloadEffectOf } from "./reload.ts";

/** The keys that need a restart of a daemon, except those of the stores and of sections that it never reads. */
function exceptions(daemon: DaemonName): string[] {
  return CONFIG_KEYS.map(({ dotted }) => `${reloadEffectOf(daemon, dotted)} ${dotted}`).filter(
    (line) =>
      !line.startsWith("live ") &&
      !/ (database|redis)\.|^unused (api|control|gateway|collect|deliver|aggregate|divergence)\.|^unused (sources|feeds|deliveries)$/.test(
        line,
      ),
  );
}

describe("a reload on SIGHUP", () => {
  it("applies all keys except addresses, replicas and those that open the stores", () => {
    expect(exceptions("aggregator")).toEqual(["restart aggregate.replicas", "restart aggregate.ops_listen"]);
    expect(exceptions("api")).toEqual([
      "restart api.listen",
      "restart api.ops_listen",
      "restart api.request_timeout_seconds",
      "restart api.query_timeout_seconds",
    ]);
    expect(exceptions("control")).toEqual([
      "restart control.listen",
      "restart control.ops_listen",
      "restart control.request_timeout_seconds",
    ]);
    expect(exceptions("gateway").filter((line) => line.startsWith("restart gateway"))).toEqual([
      "restart gateway.listen",
      "restart gateway.ops_listen",
      "restart gateway.request_timeout_seconds",
      "restart gateway.max_in_flight",
      "restart gateway.journal",
      "restart gateway.journal_max_mb",
      "restart gateway.quarantine_max_mb",
      "restart gateway.quarantine_max_age",
    ]);
    expect(reloadEffectOf("gateway", "gateway.keys")).toBe("live");
    const ofAggregator = ["aggregate.concurrency", "aggregate.replicas", "aggregate.ops_listen"];
    for (const key of ofAggregator) expect([key, reloadEffectOf("api", key)]).toEqual([key, "unused"]);
    expect(reloadEffectOf("api", "aggregate.windows")).toBe("live");
  });

  it.each<DaemonName>(["aggregator", "api"])("does not reconnect to database and Redis in the %s", (daemon) => {
    const keys = CONFIG_KEYS.map(({ dotted }) => dotted).filter((key) => /^(database|redis)\./.test(key));
    expect(keys).toContain("redis.key_prefix");
    for (const key of keys) {
      const isOfCommands = /^database\.(retention|timescaledb)/.test(key);
      expect([key, reloadEffectOf(daemon, key)]).toEqual([key, isOfCommands ? "unused" : "restart"]);
    }
  });
});
