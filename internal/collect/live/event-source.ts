import { readEventStream } from "../../lib/event-stream.ts";
import type { Wire, WireListener } from "./wire-events.ts";

/** Opens a stream of Server-Sent Events; each event's data is a message. */
export function openEventSource(url: URL, listener: WireListener): Wire {
  const controller = new AbortController();
  void follow();

  async function follow(): Promise<void> {
    try {
      const response = await fetch(url, {
        headers: { accept: "text/event-stream" },
        redirect: "manual",
        signal: controller.signal,
      });
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        const asked = Number(response.headers.get("retry-after"));
        listener.onEnd(`${url.host} answered with HTTP status ${response.status}`, asked > 0 ? asked : 0);
        return;
      }
      listener.onOpen();
      for await (const { data } of readEventStream(response.body)) listener.onText(data);
      listener.onEnd(`${url.host} closed the stream`, 0);
    } catch (error) {
      const { code = "unknown reason" } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      const reason = controller.signal.aborted ? "it was given up" : `the connection to ${url.host} failed (${code})`;
      listener.onEnd(reason, 0);
    }
  }

  return { send: () => {}, ping: () => {}, close: () => controller.abort() };
}
