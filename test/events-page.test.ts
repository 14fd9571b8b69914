import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDivergence, serializeDivergence } from "../internal/cache/divergence.ts";
import { parsePublished, serializePublished } from "../internal/canonical/published.ts";
import { parseWithheld, serializeWithheld } from "../internal/canonical/withheld.ts";
import { packageRoot } from "../internal/lib/package-root.ts";

const SECTION = /^## ([a-z. ]+)\n(?:(?!^## )[\s\S])*?^```json\n([\s\S]*?)^```$/gm;
const page = readFileSync(join(packageRoot(), "docs/events.md"), "utf8");
/** The examples of the page by their section, on one line as they are delivered. */
const examples = new Map(
  [...page.matchAll(SECTION)].map(([, name = "", text = ""]) => [name, text.replace(/\n\s*/g, "")]),
);

test("the examples of events are data as they are recorded, to the byte", () => {
  const example = (name: string): string => examples.get(name) ?? "";
  const read = {
    "price.published": (text: string) => serializePublished(parsePublished(text)),
    "price.withheld and price.guarded": (text: string) => serializeWithheld(parseWithheld(text)),
    "divergence.warning and divergence.cleared": (text: string) => serializeDivergence(parseDivergence(text)),
  };
  for (const [name, again] of Object.entries(read)) expect(again(example(name)), name).toBe(example(name));
  const keys = (name: string): string[] => Object.keys(JSON.parse(example(name)) as object);
  expect(keys("incident.opened and incident.closed").join()).toBe(
    "incident_id,code,key,opened_at,closed_at,count,message",
  );
  expect(keys("coverage.gap").join()).toBe("feed,source,pair,from,to");
  expect(keys("source.silent").join()).toBe("pair,source,last_trade,silent_after_seconds,trades_of_a_day");
});
