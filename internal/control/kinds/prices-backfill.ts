import { z } from "zod";
import { runBackfill } from "../../backfill/backfill.ts";
import { writeArtifact } from "../artifacts/files.ts";
import { PermanentFailure } from "../kind.ts";
import { backfillFields, keepFile, planOfPayload } from "./backfill-payload.ts";
import { defineKind } from "./define-kind.ts";

/** Writes the lines that `stellarindex backfill` writes for a range to an artifact, without the header of the format. */
export const pricesBackfill = defineKind(
  {
    name: "prices.backfill",
    description: "write the published values of a range; fields from, to, pairs, windows, every, format",
  },
  z.strictObject(backfillFields),
  async (payload, context, signal) => {
    const asked = planOfPayload(payload, context);
    let result: Awaited<ReturnType<typeof runBackfill>> | undefined;
    const file = await writeArtifact(context.config.control.artifacts, async (write) => {
      const output = {
        done: null,
        counts: { values: 0, empty: 0, expired: 0, firstExpired: null },
        append: (lines: readonly string[]) => write(lines.join("")),
        close: async () => {},
      };
      const { policy, limits, format, plan } = asked;
      const options = { format, output, signal, onProgress: () => {} };
      result = await runBackfill({ database: context.database, policy, ...limits }, plan, options);
      signal.throwIfAborted();
      // What is missing for good would be missing in the merged file, unnoticed.
      if (result.expired > 0) throw new PermanentFailure(`${result.expired} values are lost: ${result.firstExpired}`);
    });
    await keepFile(context, `part.${payload.format}`, asked, file);
    return { values: result?.values ?? 0, empty: result?.empty ?? 0, bytes: file.bytes, sha256: file.sha256 };
  },
);
