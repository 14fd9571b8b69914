import { PROBLEMS, type ProblemKind, problemKinds } from "../http/problem.ts";

/** The kinds of error answers about prices. Their names are part of the API. */
export const PRICE_PROBLEMS = problemKinds({
  "future-time": {
    status: 400,
    title: "Time in the future",
    example: "at 2030-01-01T00:00:00Z lies in the future; it is 2026-08-09T22:30:10Z",
  },
  "bucket-not-closed": {
    status: 400,
    title: "Bucket not closed yet",
    example: "the bucket accepts trades until 2026-08-09T22:30:05Z; try again then",
  },
  "price-not-found": {
    status: 404,
    title: "No price",
    example: "there are no trades of crypto:XLM/fiat:USD from 2026-08-09T22:25:00Z to 2026-08-09T22:30:00Z",
  },
  "price-withheld": {
    status: 404,
    title: "Price withheld by the policy",
    example:
      "the trades of crypto:XLM/fiat:USD from 2026-08-09T22:25:00Z to 2026-08-09T22:30:00Z are worth less than 10000 USD, the floor ([aggregate] min_usd_volume)",
  },
  "raw-data-expired": {
    status: 410,
    title: "Data removed by retention",
    example: "this needs trades from 2026-04-30T00:00:00Z, and what was before 2026-05-01T00:00:00Z has been removed",
  },
});

/** Kinds that routes of any capability answer, with examples of the read API. */
export const EXAMPLES: readonly ProblemKind[] = [
  {
    ...PROBLEMS["invalid-query"],
    example: "pair: is missing; write pair=XLM/USD, or base=XLM&quote=USD",
    exampleErrors: [{ parameter: "pair", detail: "is missing; write pair=XLM/USD, or base=XLM&quote=USD" }],
  },
  {
    ...PROBLEMS.timeout,
    example: "the request timed out; a shorter range takes less time; try again in 5 seconds",
  },
];

export type PriceProblem = keyof typeof PRICE_PROBLEMS;
