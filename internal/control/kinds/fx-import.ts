import { z } from "zod";
import { parseEcbRates } from "../../canonical/ecb-rates.ts";
import { InputError } from "../../canonical/input-error.ts";
import { configuredPolicy } from "../../config/configured-policy.ts";
import { createHttpClient } from "../../http/client.ts";
import { importEcbRates } from "../../import/ecb-rates.ts";
import { PermanentFailure } from "../kind.ts";
import { defineKind } from "./define-kind.ts";

const FILES = { daily: "eurofxref-daily.xml", "90d": "eurofxref-hist-90d.xml" };

/** Shared by the jobs of this process, so that they keep its limits together. */
const fetchText = createHttpClient({ requestsPerMinute: 10, timeoutMs: 30_000, maxBytes: 2 ** 22 });

/** Imports the reference rates of the European Central Bank's newest day, or of its last ninety. */
export const fxImport = defineKind(
  {
    name: "fx.import",
    description: 'import exchange rates of the European Central Bank; field file, "daily" or "90d"',
  },
  z.strictObject({ file: z.enum(["daily", "90d"]).default("daily") }),
  async ({ file }, { database, config, now }, signal) => {
    const url = new URL(FILES[file], config.control.fx_url);
    const xml = await fetchText(url, {}, signal);
    signal.throwIfAborted();
    try {
      return { ...(await importEcbRates(database, configuredPolicy(config), parseEcbRates(xml), now)) };
    } catch (error) {
      throw error instanceof InputError ? new PermanentFailure(`${url.href} ${error.message}`) : error;
    }
  },
);
