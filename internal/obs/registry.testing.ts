import type { Registry } from "prom-client";

/** Returns the value of a series by its text, such as `name{label="x"}`. */
export async function series(registry: Registry, name: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}
