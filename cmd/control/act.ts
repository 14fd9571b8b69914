import type { Command } from "commander";
import { type ActOptions, addActOptions, addLedgerOptions, print, reasonOf, withControl } from "./client.ts";
import type { Document } from "./show.ts";

const FAILURE = 1;

/** Adds a command that acts: it sends the request that `requestOf` makes, and fails where nothing changed. */
export function addAct<Options extends ActOptions>(
  command: Command,
  description: string,
  requestOf: (args: readonly string[], options: Options) => { readonly path: string; readonly body: object },
): Command {
  return addActOptions(addLedgerOptions(command))
    .description(description)
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const options = self.opts<Options>();
      const { path, body } = requestOf(self.args, options);
      const result: Document = await withControl(self, options, (call) =>
        call("POST", path, { ...body, ...reasonOf(options) }),
      );
      if (options.json) print(JSON.stringify(result));
      else if (result["changed"] === undefined)
        print(
          Object.entries(result)
            .map(([name, value]) => `${name}: ${value}`)
            .join(", "),
        );
      else print(result["changed"] ? "done" : "nothing changed");
      if (result["changed"] === false) process.exitCode = FAILURE;
    });
}
