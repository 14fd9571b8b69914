import { InputError } from "../../canonical/input-error.ts";
import type { Connector } from "../connector.ts";
import { AQUARIUS } from "./aquarius.ts";
import { decodeSwap } from "./decode.ts";
import { followSwaps } from "./follow.ts";
import { swapHistory } from "./history.ts";
import { readPools } from "./market.ts";
import { PHOENIX } from "./phoenix.ts";
import { SOROSWAP } from "./soroswap.ts";
import type { SwapProtocol } from "./swap.ts";

/** Nodes keep seven days unless they are told otherwise. */
const RETENTION_SECONDS = 7 * 86_400;

export const soroswap: Connector = connectorOf(SOROSWAP);
export const aquarius: Connector = connectorOf(AQUARIUS);
export const phoenix: Connector = connectorOf(PHOENIX);

/** Stellar RPC, polled for the swaps of an exchange's pools; see README.md. */
function connectorOf(protocol: SwapProtocol): Connector {
  const { name } = protocol;
  return {
    ...{ name, source: name },
    // Nodes of the public network are run by providers, and by operators themselves.
    endpoint: null,
    pace: { maxRate: 2, burst: 5 },
    evidence: "cursor",
    marketOf: () => {
      throw new InputError(`${name} has many pools; name those of the pair by their contracts, as in market = "C…"`);
    },
    readMarket: readPools,
    live: {
      transport: "requests",
      url: ({ rest }) => new URL(rest),
      subscribe: () => [],
      decode: (text, feeds) => decodeSwap(protocol, text, feeds),
      ping: null,
      // Ten ledgers.
      silenceSeconds: 60,
      probe: null,
      follow: (...given) => followSwaps(protocol, ...given),
    },
    history: (get, window) => swapHistory(protocol, get, window),
    historyUnit: 1n,
    historySeconds: RETENTION_SECONDS,
    windowSeconds: 86_400,
  };
}
