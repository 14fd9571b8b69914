import type { Docs } from "./type.ts";

/** The prose of `[[sources]]`. */
export const sourcesDocs: Docs = {
  sources: `
    Sources to add to the built-in registry, or built-in ones to change; omitted fields of a built-in source stay as they
    are. Write one [[sources]] per source:
  `,
};
