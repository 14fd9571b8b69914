import { InputError, quoted } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import { timeProblem, tradeIdProblem } from "../canonical/trade-rules.ts";
import { accepted, empty, type Fields as FieldsOf, inColumn, value } from "../ingest/fields.ts";
import { readAmounts, readPair, readSource, TRADE_COLUMNS } from "../ingest/trade-fields.ts";
import type { FileKind, FileTrade } from "./file-kind.ts";
import { readFileTime } from "./file-time.ts";

const COLUMNS = ["ts", ...TRADE_COLUMNS, "trade_id"] as const;
type Column = (typeof COLUMNS)[number];
type Fields = FieldsOf<Column>;

/** Scientific notation, which has lost digits, or a spreadsheet formula that protects an id from it. */
const SPREADSHEET_ID = /^(?:\d(?:[.,]\d+)?[eE]\+\d+|=".*")$/;

/**
 * A file of trades. `source` has precedence over `venue`, `base` and `quote` over `pair`, and the amounts over `price`
 * and `size`.
 */
export const TRADE_FILE: FileKind<Column> = {
  columns: {
    names: COLUMNS,
    needed: [
      [["ts"]],
      [["source"], ["venue"]],
      [["base", "quote"], ["pair"]],
      [
        ["price", "size"],
        ["base_amount", "quote_amount"],
      ],
    ],
  },
  readRow: readTrade,
};

function readTrade(fields: Fields): FileTrade {
  const ts = readTs(fields);
  return { ts, source: readSource(fields), ...readPair(fields), ...readAmounts(fields), tradeId: readId(fields) };
}

function readTs(fields: Fields): Micros {
  return accepted("ts", inColumn("ts", readFileTime, value(fields, "ts") ?? empty("ts")), timeProblem);
}

function readId(fields: Fields): string | undefined {
  const tradeId = value(fields, "trade_id");
  if (tradeId === undefined) return undefined;
  if (SPREADSHEET_ID.test(tradeId)) {
    throw new InputError(
      `trade_id ${quoted(tradeId)} was altered by a spreadsheet or float conversion, which merges ids: export ids as text`,
    );
  }
  return accepted("trade_id", tradeId, tradeIdProblem);
}
