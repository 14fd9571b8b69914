import { appendFileSync } from "node:fs";

/** The counts of the fault suite and their labels; `report.ts` sums them up at the end. */
export const FIGURES = {
  faults: "faults injected",
  kills: "daemons stopped by a signal",
  values: "published values that were read and recomputed",
  wrong: "of these, different from the recomputed value",
  unjudged: "published values not recomputed, because a trade was stored after its bucket had closed",
  published: "boundaries published, targets × ticks",
  missed: "boundaries missed, from two intervals after the end of a fault on",
  duplicates: "boundaries published twice by replicas",
  skippedTicks: "ticks skipped because the machine was busy",
  answers200: "API answers with a value, recomputed too",
  wrongAnswers: "of these, different from the recomputed value",
  dishonestAnswers: "of these, with a wrong `stale`",
  answers503: "API answers with status 503 and Retry-After",
  answersOther: "other API answers",
  requests: "malformed requests",
  rawRequests: "of these, invalid HTTP, each over its own connection",
  configs: "malformed configurations",
  configsRefused: "of these, refused with file, key and fix",
  files: "malformed import files",
  rows: "valid rows of undamaged files, each stored as written",
  badRows: "invalid rows of undamaged files, each reported with its line",
  ticks: "ticks of the memory test",
  ledgerJobs: "jobs of the ledger that were acknowledged under faults, each completed once",
  idleSeconds: "seconds of a database session that was idle in a transaction",
  idleJobs: "of these jobs, completed meanwhile",
  events: "events acknowledged under faults, each delivered to every destination",
} as const;

export type Figure = keyof typeof FIGURES | `requests ${string}` | `memory ${string}`;

/** The environment variable with the file that counts are appended to; `report.ts` sets it. */
export const NOTES_VARIABLE = "STELLARINDEX_FAULTS_NOTES";

/** Adds to a count of the suite. */
export function count(figure: Figure, by = 1): void {
  const file = process.env[NOTES_VARIABLE];
  if (file === undefined) throw new Error("test/faults/report.ts keeps the figures: run npm run test:faults");
  appendFileSync(file, `${JSON.stringify([figure, by])}\n`);
}
