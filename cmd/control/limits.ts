import type { Command } from "commander";
import { addAct } from "./act.ts";
import type { ActOptions } from "./client.ts";
import { addList } from "./list.ts";
import { plainNumber, wholeNumber } from "./numbers.ts";
import { addShow } from "./show.ts";

const MOST = 1_000_000;

/** Adds `control tenant`, `control sources` and `control throttles`. */
export function addLimitsCommands(control: Command): void {
  addTenant(control.command("tenant").description("see and limit what the tenant has in flight"));
  addSources(control.command("sources").description("see and limit what sources have in flight"));
  addThrottles(control.command("throttles").description("see and set the requests a second that hosts bear"));
}

function addTenant(tenant: Command): void {
  addShow(tenant.command("show", { isDefault: true }), "show the quota, and what of it is used", () => "/tenant");
  addAct<ActOptions & { maxConcurrent: string; maxPerDay: string }>(
    tenant.command("quota"),
    "set how many jobs may be leased at once, and start in a day (UTC)",
    (_args, { maxConcurrent, maxPerDay }) => ({
      path: "/tenant/quota",
      body: {
        max_concurrent: quotaOf("--max-concurrent", maxConcurrent),
        max_per_day: quotaOf("--max-per-day", maxPerDay),
      },
    }),
  )
    .requiredOption("--max-concurrent <count>", "jobs at once, or none for any number")
    .requiredOption("--max-per-day <count>", "jobs in a day, or none for any number");
  addAct<ActOptions & { yes?: true }>(tenant.command("pause"), "lease nothing of the tenant", (_args, { yes }) => ({
    path: "/tenant/pause",
    body: { confirm: yes === true },
  })).option("--yes", "stop all work of the tenant");
  addAct(tenant.command("resume"), "lift the pause of the tenant", () => ({ path: "/tenant/resume", body: {} }));
}

function addSources(sources: Command): void {
  addList(sources.command("list", { isDefault: true }), {
    path: "/sources",
    description: "list the sources that have a limit, jobs or a pause",
    none: "no sources",
    columns: {
      SOURCE: "source",
      "MAX CONCURRENT": "max_concurrent",
      LEASED: "leased",
      "PAUSED REASON": "paused_reason",
    },
  });
  addAct<ActOptions & { maxConcurrent: string }>(
    sources.command("set").argument("<source>", "its name"),
    "set how many jobs of a source may be leased at once",
    ([source = ""], { maxConcurrent }) => ({
      path: `/sources/${encodeURIComponent(source)}/set`,
      body: { max_concurrent: wholeNumber("--max-concurrent", maxConcurrent, 0, MOST) },
    }),
  ).requiredOption("--max-concurrent <count>", "jobs at once");
  addAct(sources.command("remove").argument("<source>", "its name"), "remove a source's limit", ([source = ""]) => ({
    path: `/sources/${encodeURIComponent(source)}/remove`,
    body: {},
  }));
}

function addThrottles(throttles: Command): void {
  addList(throttles.command("list", { isDefault: true }), {
    path: "/throttles",
    description: "list the hosts with a rate, or that asked to wait",
    none: "no throttles",
    columns: {
      HOST: "host",
      "MAX RATE": "max_rate",
      RATE: "rate",
      BURST: "burst",
      TOKENS: "tokens",
      "NOT BEFORE": "not_before",
    },
  });
  addAct<ActOptions & { rate: string; burst: string }>(
    throttles.command("set").argument("<host>", "its name"),
    "set the requests a second that a host bears",
    ([host = ""], { rate, burst }) => ({
      path: `/throttles/${encodeURIComponent(host)}/set`,
      body: { max_rate: plainNumber("--rate", rate), burst: plainNumber("--burst", burst) },
    }),
  )
    .requiredOption("--rate <number>", "requests a second")
    .requiredOption("--burst <number>", "requests at once after a pause");
  addAct(
    throttles.command("remove").argument("<host>", "its name"),
    "remove a host's rate, also what it asked for",
    ([host = ""]) => ({ path: `/throttles/${encodeURIComponent(host)}/remove`, body: {} }),
  );
}

function quotaOf(option: string, text: string): number | null {
  return text === "none" ? null : wholeNumber(option, text, 0, 1_000_000_000);
}
