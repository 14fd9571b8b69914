import type { Asset } from "../canonical/asset.ts";
import { InputError } from "../canonical/input-error.ts";

/** Returns the ticker by which exchanges know an asset: XLM of crypto:XLM, USD of fiat:USD. */
export function marketCode(connector: string, asset: Asset): string {
  const [, code] = /^(?:crypto|fiat):([A-Za-z0-9]+)$/.exec(asset) ?? [];
  if (code !== undefined) return code;
  throw new InputError(`${connector} has no market of ${asset}; write a ticker, such as XLM, or name the market`);
}
