import { empty, value } from "../../ingest/fields.ts";
import type { Format } from "./format.ts";
import { readLedgerTrade, readSide, sideColumns } from "./stellar.ts";
import { WRITTEN } from "./time-rules.ts";

/** Output of `stellar-etl export_trades`, and the table `history_trades` of Hubble. */
export const STELLAR_ETL: Format = {
  name: "stellar-etl",
  title: "stellar-etl, `export_trades`",
  keys: ["history_operation_id", "order", "ledger_closed_at", "selling_amount", "buying_amount", "selling_asset_type"],
  hasHeader: true,
  isJson: true,
  columns: { ts: "ledger_closed_at" },
  time: WRITTEN,
  source: { always: "sdex" },
  pair: null,
  ids: "`history_operation_id` and `order`, joined by a dash: the same as Horizon's",
  market: {
    columns: ["history_operation_id", "order", ...sideColumns("selling"), ...sideColumns("buying")],
    read(fields, given) {
      const [operation, order] = ["history_operation_id", "order"].map((name) => value(fields, name) ?? empty(name));
      return {
        ...readLedgerTrade(readSide(fields, "selling"), readSide(fields, "buying"), given),
        trade_id: `${operation}-${order}`,
      };
    },
  },
};
