/** One event of a stream (Server-Sent Events). */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  /** The last position that the stream has given; null before the first. */
  readonly id: string | null;
}

/** Reads Server-Sent Events as this program writes them: lines end with LF, and an event's data is one line. */
export async function* readEventStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let text = "";
  let id: string | null = null;
  for await (const bytes of stream) {
    const blocks = (text + decoder.decode(bytes, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), fieldOf(line)]));
      id = fields.get("id") ?? id;
      const data = fields.get("data");
      if (data !== undefined) yield { event: fields.get("event") ?? "message", data, id };
    }
  }
}

function fieldOf(line: string): string {
  return line.slice(line.indexOf(":") + 1).replace(/^ /, "");
}
