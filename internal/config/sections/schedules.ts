import { z } from "zod";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { timetableOf } from "../../lib/timetable.ts";
import { MISSED, OVERLAP_NEEDED, OVERLAPS } from "../../storage/control/schedules.ts";
import { durationField, unlessRefused } from "./fields.ts";
import { refuseRepeated } from "./listener.ts";

const MOST_SECONDS = 366 * 86_400;
const EITHER = 'either cron = "15 4 * * *" or every = "1h"';

const schedule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
      .describe("1 to 64 lower-case letters, digits, dots, underscores or hyphens, such as nightly-prune"),
    kind: z
      .string()
      .regex(/^[a-z][a-z0-9_.-]{0,62}$/)
      .describe("a kind of job, such as retention.prune"),
    payload: z.record(z.string(), z.unknown()).prefault({}).describe("a table, { … }"),
    cron: z.string().max(200).optional().describe('a cron expression of five or six fields, such as "15 4 * * *"'),
    every: durationField
      .refine((seconds) => seconds >= 1 && seconds <= MOST_SECONDS, "is not from 1s to 366d")
      .optional()
      .describe('a duration from "1s" to "366d", such as "15m"'),
    time_zone: z.string().max(64).prefault("UTC").describe('a time zone such as "UTC" or "Europe/Berlin"'),
    missed: z
      .enum(MISSED)
      .prefault("coalesce")
      .describe(`one of ${MISSED.join(", ")}`),
    overlap: z
      .enum(OVERLAPS)
      .prefault("skip")
      .describe(`one of ${OVERLAPS.join(", ")}`),
    jitter: durationField
      .refine((seconds) => seconds <= 86_400, "is longer than a day")
      .prefault("0")
      .describe('a duration up to "24h"'),
  })
  .superRefine(
    ({ cron, every, time_zone }, context) => {
      if ((cron === undefined) === (every === undefined)) {
        reportAt(
          context,
          ["cron"],
          cron === undefined ? "is missing, and so is every" : "is there beside every",
          EITHER,
        );
        return;
      }
      unlessRefused(
        () => timetableOf({ cron: cron ?? null, everySeconds: every ?? null, timeZone: time_zone }),
        (message) => reportAt(context, ["cron"], message, "five fields and a time zone that exists"),
      );
    },
    needs("cron", "every", "time_zone"),
  )
  .superRefine(
    ({ missed, overlap }, context) => {
      if (missed === "catch_up" && overlap === "skip") {
        reportAt(context, ["overlap"], OVERLAP_NEEDED, 'overlap = "allow", or another rule in missed');
      }
    },
    needs("missed", "overlap"),
  );

/** `[[control.schedules]]`: jobs of the default tenant that start by the clock. */
export const schedulesField = z.array(schedule).max(1000);

export const refuseSameSchedules = refuseRepeated("schedules", ["name"], "each name only once");
