import type { Docs } from "./docs.ts";

/** The prose of `[[sources]]`. */
export const sourcesDocs: Docs = {
  sources: `
    Sources to add to the built-in registry, or built-in ones to change; what is left out stays. One [[sources]] each:
  `,
};
