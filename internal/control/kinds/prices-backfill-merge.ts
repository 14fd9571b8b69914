import { z } from "zod";
import { formatTime } from "../../canonical/time.ts";
import { listParts } from "../../storage/control/artifacts.ts";
import { readArtifact, writeArtifact } from "../artifacts/files.ts";
import { PermanentFailure } from "../kind.ts";
import { backfillFields, keepFile, planOfPayload } from "./backfill-payload.ts";
import { defineKind } from "./define-kind.ts";

/** Puts the parts of a run together into the file that one `stellarindex backfill` writes for the whole range. */
export const pricesBackfillMerge = defineKind(
  {
    name: "prices.backfill.merge",
    description: "put the parts of a run together into one file; made with a run of prices.backfill",
  },
  z.strictObject({ ...backfillFields, run: z.string().regex(/^[1-9]\d{0,17}$/, "is no id of a run") }),
  async ({ run, ...payload }, context, signal) => {
    const asked = planOfPayload(payload, context);
    const { database, tenant, config } = context;
    const parts = await listParts(database.sql, tenant, BigInt(run), `part.${payload.format}`);
    const missing = parts.find(({ uri }) => uri === null);
    if (parts.length === 0 || missing !== undefined) {
      const what = missing === undefined ? `run ${run} has no windows` : `job ${missing.jobId} has kept no part`;
      throw new PermanentFailure(`nothing was merged: ${what}`);
    }
    const file = await writeArtifact(config.control.artifacts, async (write) => {
      await write(asked.format.header);
      for (const { uri, jobId, from } of parts) {
        signal.throwIfAborted();
        try {
          for await (const chunk of readArtifact(config.control.artifacts, uri ?? "")) await write(chunk);
        } catch (error) {
          const why = (error as Error).message;
          throw new PermanentFailure(`the part from ${formatTime(from)} is not usable; retry job ${jobId}: ${why}`);
        }
      }
    });
    await keepFile(context, `prices.${payload.format}`, asked, file);
    return { parts: parts.length, bytes: file.bytes, sha256: file.sha256, uri: file.uri };
  },
);
