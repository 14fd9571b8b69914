import { arch, cpus, platform } from "node:os";
import { parseArgs } from "node:util";
import { backfill } from "./backfill.ts";
import type { Bench } from "./bench.ts";
import { collect } from "./collect.ts";
import { control } from "./control.ts";
import { gateway } from "./gateway.ts";
import { guard } from "./guard.ts";
import { ingest } from "./ingest.ts";
import { inserts } from "./inserts.ts";
import { pairs } from "./pairs.ts";
import { refresh } from "./refresh.ts";
import { serving } from "./serving.ts";
import { soak } from "./soak.ts";
import { startup } from "./startup.ts";
import { verify } from "./verify.ts";

const BENCHES: Readonly<Record<string, Bench>> = {
  refresh,
  pairs,
  inserts,
  soak,
  ingest,
  verify,
  serving,
  backfill,
  startup,
  control,
  gateway,
  collect,
  guard,
};

const USAGE = `npm run bench [-- NAME…] [--trades N] [--short]

Measures, in one run and as ratios:

${Object.entries(BENCHES)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join("\n")}

Without a name all of them run but soak, which takes an hour, and guard, which is a study. The database is
STELLARINDEX_BENCH_DATABASE_URL (a server on which databases of its own are made and dropped again), or the embedded one
in memory. --short takes on a small run, to see that it works.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { trades: { type: "string" }, short: { type: "boolean", default: false }, help: { type: "boolean" } },
});
const usual = Object.entries(BENCHES).flatMap(([name, { isNamedOnly }]) => (isNamedOnly === true ? [] : [name]));
const names = positionals.length > 0 ? positionals : usual;
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (values.help) console.log(USAGE);
else if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exitCode = 2;
} else await runAll(names);

async function runAll(chosen: readonly string[]): Promise<void> {
  console.log(`node ${process.version}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model}`);
  for (const name of chosen) {
    console.log(`\n# ${name}`);
    await BENCHES[name]?.run({
      server: process.env["STELLARINDEX_BENCH_DATABASE_URL"],
      trades: values.trades === undefined ? undefined : Number(values.trades),
      short: values.short,
    });
  }
}
