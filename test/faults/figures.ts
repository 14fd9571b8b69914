import { appendFileSync } from "node:fs";

/** What the suite counts; `report.ts` adds it all up at the end. */
export const FIGURES = {
  faults: "faults injected",
  kills: "daemons ended by a signal",
  values: "values that were readable and were computed again",
  wrong: "of these, with a wrong byte",
  unjudged: "not computed again, because a trade of theirs was stored after their bucket had closed",
  published: "boundaries published, targets × ticks",
  missed: "boundaries missed, two intervals after a cure or later",
  duplicates: "boundaries published twice by replicas",
  skippedTicks: "ticks skipped because the machine was busy",
  answers200: "answers of the API with a value, computed again as well",
  wrongAnswers: "of these, with a wrong byte",
  dishonestAnswers: "of these, with a wrong `stale`",
  answers503: "answers 503 with Retry-After",
  answersOther: "other answers",
  requests: "malformed requests",
  rawRequests: "of these, broken HTTP over a socket of its own",
  configs: "malformed configurations",
  configsRefused: "of these, refused with file, key and cure",
  files: "malformed import files",
  rows: "good rows in the undamaged ones, each stored as it was written",
  badRows: "bad rows in the undamaged ones, each reported with its line",
  ticks: "ticks of the test of memory",
} as const;

export type Figure = keyof typeof FIGURES | `requests ${string}` | `memory ${string}`;

/** Names the file that counts are noted in; set by `report.ts`. */
export const NOTES_VARIABLE = "STELLARINDEX_FAULTS_NOTES";

/** Adds to a figure of the suite. */
export function count(figure: Figure, by = 1): void {
  const file = process.env[NOTES_VARIABLE];
  if (file === undefined) throw new Error("test/faults/report.ts keeps the figures: run npm run test:faults");
  appendFileSync(file, `${JSON.stringify([figure, by])}\n`);
}
