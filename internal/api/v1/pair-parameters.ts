import { z } from "@hono/zod-openapi";
import { InputError } from "../../canonical/input-error.ts";
import type { Spellings } from "../../canonical/known-assets.ts";
import { makeTypedPair, type Pair, parseTypedPair } from "../../canonical/pair.ts";
import { checkedBy, PARAMETER_ERRORS } from "../../http/query.ts";
import { needs } from "../../lib/cross-checks.ts";
import { refuseSelfPair } from "../../policy/query.ts";
import type { Service } from "./service.ts";

/** `pair=`, or `base=` and `quote=`. */
export const pairParameters = {
  pair: z.string(PARAMETER_ERRORS).optional().openapi({
    description:
      "The pair, as base/quote. An asset is `native`, `CODE-ISSUER` (or `CODE:ISSUER`), a contract `C…`, `crypto:TICKER` or `fiat:CODE`; a bare code is a currency if ISO 4217 lists it, otherwise a ticker. Case matters: `xlm` is refused.",
    example: "XLM/USD",
  }),
  base: z.string(PARAMETER_ERRORS).optional().openapi({ description: "Base asset; with `quote`, instead of `pair`." }),
  quote: z.string(PARAMETER_ERRORS).optional().openapi({ description: "Quote asset; with `base`, instead of `pair`." }),
};

/** The pair parameters of a query, unparsed. */
export interface WrittenPair {
  readonly pair?: string | undefined;
  readonly base?: string | undefined;
  readonly quote?: string | undefined;
}

/**
 * Returns the pair of a query in canonical form; under its configured names, if it is a configured pair.
 * @throws InputError where it is missing, given twice, or cannot be parsed
 */
export function askedPair(written: WrittenPair, { configuredPair, spellings, policy }: Service): Pair {
  const asked = refuseSelfPair(readPair(written, spellings), policy.aliases);
  return configuredPair(asked) ?? asked;
}

/** Returns the check of the pair parameters, for `superRefine`. */
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
