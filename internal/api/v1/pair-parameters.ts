import { z } from "@hono/zod-openapi";
import { refuseOneAsset } from "../../aggregate/question.ts";
import { InputError } from "../../canonical/input-error.ts";
import type { Spellings } from "../../canonical/known-assets.ts";
import { makeTypedPair, type Pair, parseTypedPair } from "../../canonical/pair.ts";
import { needs } from "../../config/cross-checks.ts";
import { checkedBy, PARAMETER_ERRORS } from "../query.ts";
import type { Service } from "./service.ts";

/** `pair=`, or `base=` and `quote=`. */
export const pairParameters = {
  pair: z.string(PARAMETER_ERRORS).optional().openapi({
    description:
      "base/quote. An asset is `native`, `CODE-ISSUER` (or `CODE:ISSUER`), a contract key `C…`, `crypto:TICKER` or `fiat:CODE`; a bare code is a currency where ISO 4217 has it, else a ticker. Case matters: `xlm` is refused.",
    example: "XLM/USD",
  }),
  base: z.string(PARAMETER_ERRORS).optional().openapi({ description: "With `quote`, in place of `pair`." }),
  quote: z.string(PARAMETER_ERRORS).optional().openapi({ description: "With `base`, in place of `pair`." }),
};

/** A query's pair as it was written. */
export interface WrittenPair {
  readonly pair?: string | undefined;
  readonly base?: string | undefined;
  readonly quote?: string | undefined;
}

/**
 * The pair that a query asks about: the configured one where it is one of those by any name, else as asked, canonical.
 * @throws InputError where it is not there, there twice, or cannot be read
 */
export function askedPair(written: WrittenPair, { configuredPair, spellings, policy }: Service): Pair {
  const asked = refuseOneAsset(readPair(written, spellings), policy.aliases);
  return configuredPair(asked) ?? asked;
}

/** The check that a query asks about a pair, for `superRefine`. */
export function pairCheck(service: Service) {
  return [
    checkedBy("pair", (query: WrittenPair) => askedPair(query, service)),
    needs("pair", "base", "quote"),
  ] as const;
}

function readPair({ pair, base, quote }: WrittenPair, spellings: Spellings): Pair {
  if (pair !== undefined) {
    if (base !== undefined || quote !== undefined) throw new InputError("use pair, or base and quote, not both");
    return parseTypedPair(pair, spellings);
  }
  if (base === undefined || quote === undefined) {
    throw new InputError("is missing; write pair=XLM/USD, or base=XLM&quote=USD");
  }
  return makeTypedPair(base, quote, spellings);
}
