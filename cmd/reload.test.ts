import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../internal/config/keys.ts";
import { type Daemon, standingOf } from "./reload.ts";

/** The keys that a daemon does not take over while it runs, but for those of the stores and of sections it never reads. */
function exceptions(daemon: Daemon): string[] {
  return CONFIG_KEYS.map(({ dotted }) => `${standingOf(daemon, dotted)} ${dotted}`).filter(
    (line) => !line.startsWith("live ") && !/ (database|redis)\.|^unused (api|divergence)\./.test(line),
  );
}

describe("what a SIGHUP makes of each key", () => {
  it("applies all but addresses, replicas and what opens the stores", () => {
    expect(exceptions("aggregator")).toEqual(["restart aggregate.replicas", "restart aggregate.ops_listen"]);
    expect(exceptions("api")).toEqual([
      "restart api.listen",
      "restart api.ops_listen",
      "restart api.request_timeout_seconds",
      "restart api.query_timeout_seconds",
      "unused aggregate.concurrency",
      "unused aggregate.replicas",
      "unused aggregate.ops_listen",
    ]);
  });

  it.each<Daemon>(["aggregator", "api"])("opens no database and no Redis anew in the %s", (daemon) => {
    const keys = CONFIG_KEYS.map(({ dotted }) => dotted).filter((key) => /^(database|redis)\./.test(key));
    expect(keys).toContain("redis.key_prefix");
    for (const key of keys) {
      const isOfCommands = /^database\.(retention|timescaledb)/.test(key);
      expect([key, standingOf(daemon, key)]).toEqual([key, isOfCommands ? "unused" : "restart"]);
    }
  });
});
