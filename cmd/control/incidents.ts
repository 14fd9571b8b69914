import { type Command, Option } from "commander";
import { INCIDENT_CODES } from "../../internal/storage/control/incidents.ts";
import {
  type ActOptions,
  addActOptions,
  addLedgerOptions,
  type LedgerOptions,
  print,
  reasonOf,
  withControl,
} from "./client.ts";
import { addList } from "./list.ts";
import { idOf } from "./options.ts";

const FAILURE = 1;

/** Adds `control incidents`. */
export function addIncidentsCommands(control: Command): void {
  const incidents = control.command("incidents").description("see what is wrong, and say that you look after it");
  addList<LedgerOptions & { state: string; code?: string }>(incidents.command("list", { isDefault: true }), {
    path: "/incidents",
    description: "list the newest incidents",
    none: "no incidents",
    columns: {
      INCIDENT: "incident_id",
      CODE: "code",
      KEY: "key",
      OPENED: "opened_at",
      CLOSED: "closed_at",
      ACKNOWLEDGED: "acknowledged_by",
      MESSAGE: "message",
    },
    filters: ({ state, code }) => ({ state, code }),
  })
    .addOption(new Option("--state <state>", "which ones").choices(["open", "closed", "all"]).default("open"))
    .addOption(new Option("--code <code>", "only those of this code").choices(INCIDENT_CODES));
  addAcknowledge(incidents);
}

function addAcknowledge(incidents: Command): void {
  addActOptions(addLedgerOptions(incidents.command("acknowledge")))
    .description("say that you look after an open incident")
    .argument("<id>", "the incident's id")
    .action(async (id: string, options: ActOptions, command: Command) => {
      const path = `/incidents/${idOf("<id>", id)}/acknowledge`;
      const result = await withControl(command, options, (call) => call("POST", path, reasonOf(options)));
      if (options.json) print(JSON.stringify(result));
      else if (result.acknowledged) print(`incident ${id}: acknowledged`);
      else print(`incident ${id}: not changed; it is not open, or acknowledged already`);
      if (!result.acknowledged) process.exitCode = FAILURE;
    });
}
