import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Format } from "../../internal/import/formats/format.ts";
import { FORMATS } from "../../internal/import/formats/list.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { code, table } from "./markdown.ts";

const TABLE = /(<!-- formats: .*? -->\n\n).*?(\n\n<!-- end of formats -->)/s;

/** docs/import.md with the table of the formats that the code has. */
export function importPage(): string {
  const page = readFileSync(join(packageRoot(), "docs", "import.md"), "utf8");
  if (!TABLE.test(page)) throw new Error("docs/import.md has no place for the table of formats");
  return page.replace(TABLE, (_, before: string, after: string) => before + formatsTable() + after);
}

function formatsTable(): string {
  const header = ["`--format`", "files", "recognized by", "source", "pair", "times", "`trade_id`"];
  return table(
    header,
    FORMATS.map((format) => [
      code(format.name),
      format.title,
      recognition(format),
      sourceOf(format),
      pairOf(format),
      format.time.said,
      format.ids,
    ]),
  );
}

function recognition({ keys, hasHeader, headerless, isJson, recordsIn }: Format): string {
  return [
    ...(hasHeader || (isJson && recordsIn === undefined) ? [keys.map(code).join(" ")] : []),
    ...(headerless === undefined
      ? []
      : [`without header, ${headerless.length} columns: ${headerless.map(([name]) => name).join(", ")}`]),
    ...(recordsIn === undefined ? [] : ["the form of the answer"]),
  ].join("; ");
}

function sourceOf({ source: { always, column, inName } }: Format): string {
  if (always !== undefined) return code(always);
  if (column !== undefined) return `of ${code(column)}`;
  return `${inName === undefined ? "" : "file name, or "}\`--source\``;
}

function pairOf({ pair, market }: Format): string {
  if (pair === null) return market === undefined ? "" : "of the record, in [one orientation](#trades-of-the-ledger)";
  const from = [
    ...(pair.column === undefined ? [] : [`of ${code(pair.column)}`]),
    ...(pair.inName === undefined ? [] : ["file name"]),
  ];
  return [...from, "`--pair`"].join(", or ");
}
