import { member } from "../../lib/exact-json.ts";
import type { Format } from "./format.ts";
import { readLedgerTrade, readSide, sideColumns } from "./stellar.ts";
import { WRITTEN } from "./time-rules.ts";

/** Pages and records of Horizon's `/trades`. The price n/d is that of the offer; the trade's is that of its amounts. */
export const HORIZON: Format = {
  name: "horizon",
  title: "Horizon, pages of `/trades` or their records",
  keys: ["ledger_close_time", "base_asset_type", "base_amount", "counter_asset_type", "counter_amount", "id"],
  hasHeader: false,
  isJson: true,
  recordsIn(document) {
    const records = member(member(document, "_embedded"), "records");
    return Array.isArray(records) ? records : null;
  },
  columns: { ts: "ledger_close_time", trade_id: "id" },
  time: WRITTEN,
  source: { always: "sdex" },
  pair: null,
  ids: "`id`: number of the operation, and of the trade in it",
  market: {
    columns: [...sideColumns("base"), ...sideColumns("counter")],
    read: (fields, given) => readLedgerTrade(readSide(fields, "base"), readSide(fields, "counter"), given),
  },
};
