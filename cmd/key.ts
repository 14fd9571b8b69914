import { type Command, Option } from "commander";
import { keyNameField } from "../internal/config/sections/api.ts";
import { CONTROL_SCOPES } from "../internal/config/sections/control.ts";
import { GATEWAY_SCOPES } from "../internal/config/sections/gateway.ts";
import { hashKey, makeKey } from "../internal/http/keys.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `
Prints the key, which is stored nowhere, and the table that accepts it. Give the key to the client, and add the table to
the configuration of every process that is to accept it.

Examples:
  stellarindex key wallet-app
  stellarindex key collector-1 --control
  stellarindex key binance-feed --gateway
`;

const CONTROL_SETTINGS = `tenant = "default"
scopes = ["control:read"]   # of ${CONTROL_SCOPES.join(", ")}
`;

const GATEWAY_SETTINGS = `scopes = ["trades:write"]   # of ${GATEWAY_SCOPES.join(", ")}
sources = ["kraken"]   # the sources whose trades it may send; "*" for any; not needed without trades:write
`;

/** Adds `key`, which makes an API key. */
export function addKeyCommand(program: Command): void {
  program
    .command("key")
    .description("make an API key, and the table to add for it")
    .argument("<name>", `its name in the configuration and in logs: ${keyNameField.description}`)
    .addOption(new Option("--control", "a key of the control API, instead of the read API").conflicts("gateway"))
    .option("--gateway", "a key of the gateway, instead of the read API")
    .addHelpText("after", HELP)
    .action((name: string, { control, gateway }: { control?: true; gateway?: true }) => {
      if (!keyNameField.safeParse(name).success) {
        throw new UsageError(`${JSON.stringify(name)} is not a valid key name; use ${keyNameField.description}`);
      }
      const key = makeKey();
      const [table, more] = control
        ? ["control", CONTROL_SETTINGS]
        : gateway
          ? ["gateway", GATEWAY_SETTINGS]
          : ["api", ""];
      process.stdout.write(`${key}

[[${table}.keys]]
name = "${name}"
hash = "${hashKey(key)}"
${more}`);
    });
}
