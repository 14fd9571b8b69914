import type { Deadlines } from "../durable-writes.ts";
import type { RowResult, SentTrade } from "../sent-trade.ts";
import { KEPT_BYTES, type ObservedBody } from "./observed-body.ts";
import { groupLines, type ReadRow, readJsonRows, readLines, receiveJson } from "./read-rows.ts";
import type { Sender } from "./read-trade.ts";
import { makeRowReport, type RowReport } from "./row-report.ts";
import type { GatewayService } from "./service.ts";
import { utf8Body } from "./utf8-body.ts";

export const JSON_TYPE = "application/json";
export const LINES_TYPE = "application/x-ndjson";

/** A JSON body of more bytes waits until few others are worked on, so that it does not delay small ones. */
const LARGE_BYTES = 65_536;

/**
 * Makes the rows of a body durable, and reports what became of each.
 * @throws Problem where the body cannot be read; NotDurable
 */
export async function takeRows(
  service: GatewayService,
  body: ObservedBody,
  contentType: string,
  sender: Sender,
): Promise<RowReport> {
  const bytes = utf8Body(body.bytes);
  return contentType === LINES_TYPE ? takeLines(service, bytes, sender) : takeJson(service, bytes, sender);
}

async function takeJson(service: GatewayService, bytes: AsyncIterable<Uint8Array>, sender: Sender): Promise<RowReport> {
  const report = makeRowReport("all");
  const json = await receiveJson(bytes);
  const work = async (): Promise<void> => {
    await writeRows(service, await readJsonRows(json, sender), service.deadlines.request, report);
  };
  await (json.length > LARGE_BYTES ? inTurn(service, sender, work) : work());
  return report;
}

async function takeLines(
  service: GatewayService,
  bytes: AsyncIterable<Uint8Array>,
  sender: Sender,
): Promise<RowReport> {
  const report = makeRowReport("problems");
  const unreadable = new Unreadable();
  // One group is written while the next is read.
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const lines of groupLines(bytes)) {
      const before = writing;
      writing = inTurn(service, sender, async () => {
        const rows = await readLines(lines, sender);
        for (const row of rows) unreadable.add(row);
        await before;
        await writeRows(service, rows, service.deadlines.stream, report);
      });
      writing.catch(() => {});
      await before;
    }
  } finally {
    await writing.finally(() => unreadable.keep(service, sender));
  }
  return report;
}

/** Does work that takes a while, a few at a time; senders take turns. */
function inTurn(service: GatewayService, { name }: Sender, work: () => Promise<void>): Promise<void> {
  return service.turns.run(work, Number.POSITIVE_INFINITY, name);
}

async function writeRows(
  service: GatewayService,
  rows: readonly ReadRow[],
  deadlines: Deadlines,
  report: RowReport,
): Promise<void> {
  const valid: (ReadRow & { read: SentTrade })[] = [];
  for (const each of rows) {
    if (isValid(each)) valid.push(each);
    else report.add(each.row, each.read as RowResult);
  }
  if (valid.length === 0) return;
  const results = await service.trades.write(
    valid.map(({ read }) => read),
    deadlines,
  );
  for (const [index, { row }] of valid.entries()) report.add(row, results === null ? null : (results[index] ?? null));
}

function isValid(row: ReadRow): row is ReadRow & { read: SentTrade } {
  return !("status" in row.read);
}

/** The lines of a stream that are not JSON: the first of them are kept, as one entry. */
class Unreadable {
  private readonly lines: string[] = [];
  private bytes = 0;
  private isCut = false;

  add({ unreadable }: ReadRow): void {
    if (unreadable === undefined) return;
    const line = `${unreadable}\n`;
    this.bytes += Buffer.byteLength(line);
    if (this.bytes > KEPT_BYTES) this.isCut = true;
    else this.lines.push(line);
  }

  async keep(service: GatewayService, { name }: Sender): Promise<void> {
    if (this.bytes === 0) return;
    await service.keep({
      kind: "malformed",
      sender: name,
      reason: "lines of a stream that are not JSON",
      content: Buffer.from(this.lines.join("")),
      contentType: LINES_TYPE,
      isCut: this.isCut,
    });
  }
}
