import { z } from "zod";
import { formatTime, seconds } from "../../canonical/time.ts";
import { insufficientRetention } from "../../config/sections/retention.ts";
import { type PrunedTable, prune } from "../../storage/retention/prune.ts";
import { type JobResult, PermanentFailure } from "../kind.ts";
import { defineKind } from "./define-kind.ts";

const TABLES: readonly PrunedTable[] = ["trades", "trades_1m", "trades_1h"];

/** Applies [database.retention], as `stellarindex prune` does. */
export const retentionPrune = defineKind(
  { name: "retention.prune", description: "remove the rows that [database.retention] no longer keeps; no fields" },
  z.strictObject({}),
  async (_payload, { database, config, now }, signal) => {
    const { retention } = config.database;
    const [problem] = insufficientRetention(retention, config);
    if (problem !== undefined) {
      throw new PermanentFailure(`nothing was removed: [database.retention] ${problem.table} ${problem.reason}`);
    }
    const result: Record<string, JobResult[string]> = {};
    for (const table of TABLES.filter((each) => retention[each] > 0)) {
      const { count, completeFrom } = await prune(database, table, now() - seconds(retention[table]), {
        signal,
        onProgress: () => {},
        onWait: () => {},
      });
      signal.throwIfAborted();
      result[table] = count;
      result[`${table}_complete_from`] = completeFrom === null ? null : formatTime(completeFrom);
    }
    return result;
  },
);
