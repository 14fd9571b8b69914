import { z } from "@hono/zod-openapi";
import { parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { MICROS_PER_SECOND } from "../../canonical/time.ts";
import { parsedBy } from "../../http/query.ts";

/** Fields that say what is to be done. */

export const kindField = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,62}$/, "is no kind: lower-case letters, digits, dots, such as rollups.verify");

export const payloadField = z.record(z.string(), z.unknown()).default({});

const LONGEST_SECONDS = 366 * 86_400;

/** A duration such as 1h, which becomes a number of whole seconds. */
export const durationField = (least: number, most = LONGEST_SECONDS) =>
  z
    .string()
    .transform(
      parsedBy((text: string) => {
        const micros = parseDuration(text);
        const length = Number(micros / MICROS_PER_SECOND);
        if (micros % MICROS_PER_SECOND !== 0n || length < least || length > most) {
          throw new InputError(`is not in whole seconds from ${least} s to ${most} s`);
        }
        return length;
      }),
    )
    .openapi({ type: "string", example: "1h" });

/** Length of the windows of a run. */
export const chunkField = durationField(1);
