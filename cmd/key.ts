import type { Command } from "commander";
import { hashKey, makeKey } from "../internal/api/front/keys.ts";
import { keyNameField } from "../internal/config/api-section.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Prints the key, which is kept nowhere, and the table that lets whoever has it in. Hand over the key; put the table
into the configuration of every API process.

Example:
  stellarindex key wallet-app
`;

/** Adds `key`: makes an API key. */
export function addKeyCommand(program: Command): void {
  program
    .command("key")
    .description("make an API key, and the [[api.keys]] table to add for it")
    .argument("<name>", `what it is called in the configuration and in logs: ${keyNameField.description}`)
    .addHelpText("after", HELP)
    .action((name: string) => {
      if (!keyNameField.safeParse(name).success) {
        throw new UsageError(`${JSON.stringify(name)} is no name of a key; use ${keyNameField.description}`);
      }
      const key = makeKey();
      process.stdout.write(`${key}

[[api.keys]]
name = "${name}"
hash = "${hashKey(key)}"
`);
    });
}
