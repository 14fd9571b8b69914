import { InputError } from "../canonical/input-error.ts";
import { binance } from "./binance/binance.ts";
import { bitstamp } from "./bitstamp/bitstamp.ts";
import { coinbase } from "./coinbase/coinbase.ts";
import { coingecko } from "./coingecko/coingecko.ts";
import type { Connector } from "./connector.ts";
import { ecb } from "./ecb/ecb.ts";
import { horizon } from "./horizon/horizon.ts";
import { kraken } from "./kraken/kraken.ts";
import { aquarius, phoenix, soroswap } from "./stellar-rpc/stellar-rpc.ts";

export const CONNECTORS: readonly Connector[] = [
  aquarius,
  binance,
  bitstamp,
  coinbase,
  coingecko,
  ecb,
  horizon,
  kraken,
  phoenix,
  soroswap,
];

/** @throws InputError that names the connectors */
export function connectorNamed(name: string): Connector {
  const connector = CONNECTORS.find((each) => each.name === name);
  if (connector !== undefined) return connector;
  throw new InputError(
    `${JSON.stringify(name)} is no connector; use one of ${CONNECTORS.map((each) => each.name).join(", ")}`,
  );
}
