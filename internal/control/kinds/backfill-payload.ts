import { createHash } from "node:crypto";
import { z } from "zod";
import { BACKFILL_FORMATS, type BackfillFormat } from "../../backfill/format.ts";
import type { BackfillPlan } from "../../backfill/plan.ts";
import { contentId, planOf } from "../../backfill/request.ts";
import { parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { seconds } from "../../canonical/time.ts";
import { backfillSettings } from "../../config/backfill-settings.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { recordArtifacts } from "../../storage/control/artifacts.ts";
import type { ArtifactFile } from "../artifacts/files.ts";
import { type KindContext, PermanentFailure } from "../kind.ts";
import { textField, timeField } from "./define-kind.ts";

/** What `stellarindex backfill` is told by options. */
export const backfillFields = {
  pairs: z.array(z.string()).min(1).max(1000).nullable().default(null),
  windows: z.array(textField(parseDuration)).min(1).max(100).nullable().default(null),
  from: timeField,
  to: timeField,
  every: textField(parseDuration).default(seconds(60)),
  format: z.enum(["jsonl", "csv"]).default("jsonl"),
};

type Payload = { readonly [Field in keyof typeof backfillFields]: z.output<(typeof backfillFields)[Field]> };

/**
 * Returns what a payload asks for under the configuration.
 * @throws PermanentFailure where it cannot be computed
 */
export function planOfPayload(payload: Payload, { config, now }: KindContext) {
  const { policy, defaults, limits } = backfillSettings(config);
  try {
    const plan = planOf(payload, defaults, now(), (field) => `/${field}`);
    return { plan, policy, limits, format: BACKFILL_FORMATS[payload.format] as BackfillFormat };
  } catch (error) {
    throw error instanceof InputError ? new PermanentFailure(error.message) : error;
  }
}

/** Keeps a file as the job's artifact. Its inputs are all that decide its content but the trades. */
export async function keepFile(
  { database, tenant, job }: KindContext,
  name: string,
  { plan, policy }: { readonly plan: BackfillPlan; readonly policy: Parameters<typeof contentId>[1] },
  { sha256, bytes, uri }: ArtifactFile,
): Promise<void> {
  const inputsKey = createHash("sha256")
    .update(`${name}\n${contentId(plan, policy)}`)
    .digest("hex");
  await inTransaction(database.sql, READ_COMMITTED, (sql) =>
    recordArtifacts(sql, tenant, job.jobId, [{ name, sha256, bytes, uri, inputsKey }]),
  );
}
