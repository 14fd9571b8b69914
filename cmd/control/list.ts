import type { Command } from "commander";
import { alignColumns } from "../table.ts";
import { addLedgerOptions, type LedgerOptions, print, withControl } from "./client.ts";
import { type Document, textOf } from "./show.ts";

/** How a cell is read: the name of a field, or a function. */
type Cell = string | ((row: Document) => unknown);

/** A list of the control API, as a command shows it. */
interface List<Options extends LedgerOptions> {
  /** The path of the route, of the command's arguments. */
  readonly path: string | ((args: readonly string[]) => string);
  readonly description: string;
  /** What is printed where there are no rows. */
  readonly none: string;
  /** The heads of the table, and how each cell is read. */
  readonly columns: Readonly<Record<string, Cell>>;
  /** Returns the filters of the request; those that are undefined are left out. */
  readonly filters?: (options: Options) => Readonly<Record<string, string | undefined>>;
  /** Default true; false for a route that answers all rows at once. */
  readonly isPaged?: boolean;
}

/** Makes a command list rows: as a table, or as JSON, a row a line. It says how to go on where there are more. */
export function addList<Options extends LedgerOptions>(
  command: Command,
  { path, description, none, columns, filters = () => ({}), isPaged = true }: List<Options>,
): Command {
  addLedgerOptions(command).description(description);
  if (isPaged) {
    command
      .option("--limit <count>", "the most rows, up to 200")
      .option("--cursor <text>", "go on where an earlier list ended");
  }
  return command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command;
    const options = self.opts<Options & { limit?: string; cursor?: string }>();
    const { limit, cursor } = options;
    const query = Object.entries({ ...filters(options), ...(isPaged && { limit, cursor }) });
    const search = new URLSearchParams(query.filter((entry): entry is [string, string] => entry[1] !== undefined));
    const base = typeof path === "string" ? path : path(self.args);
    const { data, next = null } = await withControl(self, options, (call) => call("GET", `${base}?${search}`));
    if (options.json) for (const row of data) print(JSON.stringify(row));
    else if (data.length === 0) print(none);
    else for (const line of tableOf(data, columns)) print(line);
    if (next !== null) process.stderr.write(`there are more: --cursor ${next}\n`);
  });
}

function tableOf(rows: readonly Document[], columns: Readonly<Record<string, Cell>>): string[] {
  const heads = Object.keys(columns);
  const cells = rows.map((row) =>
    Object.values(columns).map((cell) => textOf(typeof cell === "string" ? row[cell] : cell(row))),
  );
  return alignColumns([heads, ...cells], heads.length);
}
