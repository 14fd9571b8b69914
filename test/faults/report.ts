import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FIGURES, NOTES_VARIABLE } from "./figures.ts";

/** The environment variable that names a file for the counts as JSON. */
const REPORT_VARIABLE = "STELLARINDEX_FAULTS_REPORT";

/** Collects the counts of the run, prints them at its end, and writes them to the file that REPORT_VARIABLE names. */
export default function keepFigures(): () => void {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-faults-"));
  const notes = join(directory, "notes");
  writeFileSync(notes, "");
  process.env[NOTES_VARIABLE] = notes;
  return () => {
    const figures = sums(readFileSync(notes, "utf8"));
    rmSync(directory, { recursive: true });
    const rows = Object.entries(figures);
    const width = Math.max(...rows.map(([, value]) => String(value).length), 0);
    for (const [name, value] of rows) console.log(`${String(value).padStart(width)}  ${labelOf(name)}`);
    const file = process.env[REPORT_VARIABLE];
    if (file !== undefined && file !== "") writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  };
}

/** Sums the counts in the order of FIGURES, followed by those without a fixed name. */
function sums(notes: string): Record<string, number> {
  const totals = new Map<string, number>();
  for (const line of notes.split("\n").filter((text) => text !== "")) {
    const [name, by] = JSON.parse(line) as [string, number];
    totals.set(name, (totals.get(name) ?? 0) + by);
  }
  const fixed = Object.keys(FIGURES);
  const others = [...totals.keys()].filter((name) => !(name in FIGURES)).sort();
  return Object.fromEntries([...fixed, ...others].map((name) => [name, totals.get(name) ?? 0]));
}

function labelOf(name: string): string {
  return FIGURES[name as keyof typeof FIGURES] ?? name;
}
