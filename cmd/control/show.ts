import type { Command } from "commander";
import { addLedgerOptions, type LedgerOptions, print, withControl } from "./client.ts";

/** A document of the control API. */
// biome-ignore lint/suspicious/noExplicitAny: documents have many shapes
export type Document = Readonly<Record<string, any>>;

/** Makes a command show the document at a path, of the command's arguments. */
export function addShow(command: Command, description: string, path: (args: readonly string[]) => string): Command {
  return addLedgerOptions(command)
    .description(description)
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const options = self.opts<LedgerOptions>();
      printFields(await withControl(self, options, (call) => call("GET", path(self.args))), options);
    });
}

/** Prints a document, a field a line, or as JSON. Lists are printed an entry a line. */
export function printFields(document: Document, { json }: LedgerOptions): void {
  if (json) {
    print(JSON.stringify(document));
    return;
  }
  for (const [name, value] of Object.entries(document)) {
    for (const entry of Array.isArray(value) ? value : [value]) print(`${name}: ${textOf(entry)}`);
  }
}

/** Returns a field as a text; a dash where it is empty. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
