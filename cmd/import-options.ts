import { type Command, Option } from "commander";
import { TIME_UNITS, type TimeUnit } from "../internal/canonical/epoch.ts";
import { InputError } from "../internal/canonical/input-error.ts";
import { parseTypedPair } from "../internal/canonical/pair.ts";
import { sourceProblem } from "../internal/canonical/trade-rules.ts";
import { DELIMITERS } from "../internal/import/formats/any-forms.ts";
import type { Given } from "../internal/import/formats/given.ts";
import { FORMATS } from "../internal/import/formats/list.ts";
import { parseMap } from "../internal/import/formats/own-kind.ts";
import { parseZone } from "../internal/import/formats/zone.ts";
import { TRADE_FILE } from "../internal/import/trade-row.ts";
import { parseOption } from "./usage-error.ts";

/** The options that say what files have not, or have in another form. */
export interface FormatOptions {
  readonly format?: string;
  readonly map?: string;
  readonly source?: string;
  readonly pair?: string;
  readonly timeUnit?: TimeUnit;
  readonly zone?: string;
  readonly header: boolean;
  readonly delimiter?: string;
}

/** Adds the options of {@link FormatOptions} to a command. */
export function addFormatOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--format <name>", "read the files in this format instead of recognizing it").choices(
        FORMATS.map(({ name }) => name),
      ),
    )
    .addOption(
      new Option(
        "--map <columns>",
        "columns by the names of import, as ts=timestamp,price=p,size=q; numbers count from 1",
      ).conflicts("format"),
    )
    .option("--source <name>", "the source of the trades, where the files do not say it")
    .option("--pair <pair>", "the pair of the trades, where the files do not say it")
    .addOption(
      new Option("--time-unit <unit>", "the unit of times that are numbers since 1970").choices(
        Object.keys(TIME_UNITS),
      ),
    )
    .option("--zone <zone>", "the zone of times that name none: UTC, +02:00, Europe/Berlin")
    .option("--no-header", "the first line of a CSV file is a row")
    .addOption(
      new Option("--delimiter <character>", "the character between columns, instead of a comma").choices(
        Object.keys(DELIMITERS).filter((name) => name !== "\t"),
      ),
    );
}

/** Returns what the options say about the files. @throws UsageError that names the option */
export function givenOf(options: FormatOptions): Given {
  const { format, map, source, pair, timeUnit, zone, header, delimiter } = options;
  return {
    ...(format !== undefined && { format }),
    ...(map !== undefined && { map: parseOption("--map", () => parseMap(map, TRADE_FILE.columns.names)) }),
    ...(source !== undefined && { source: parseOption("--source", () => checkSource(source)) }),
    ...(pair !== undefined && { pair: parseOption("--pair", () => parseTypedPair(pair)) }),
    ...(timeUnit !== undefined && { timeUnit }),
    ...(zone !== undefined && { zone: parseOption("--zone", () => parseZone(zone)) }),
    ...(!header && { noHeader: true }),
    ...(delimiter !== undefined && { delimiter: DELIMITERS[delimiter] }),
  };
}

function checkSource(source: string): string {
  const problem = sourceProblem(source);
  if (problem !== null) throw new InputError(problem.reason);
  return source;
}
