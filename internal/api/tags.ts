/** The groups of endpoints in the OpenAPI document, in the order in which the page shows them. */
export const TAGS = [
  { name: "Prices", description: "VWAP, TWAP and the current price of a pair." },
  { name: "Candles", description: "Open, high, low and close over time." },
  { name: "Markets", description: "The pairs that are traded, and the sources of the trades." },
  { name: "Methodology", description: "The policy by which prices are computed." },
  { name: "Documentation", description: "This document." },
] as const;

export type Tag = (typeof TAGS)[number]["name"];
