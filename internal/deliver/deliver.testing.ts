import { load } from "../config/config.testing.ts";
import type { DeliverySettings } from "../config/sections/deliveries.ts";
import { systemClock } from "../lib/clock.ts";
import { makeSender, type SenderDependencies } from "./make-sender.ts";
import type { OutgoingEvent, Sent } from "./sender.ts";

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;

export const WHSEC = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

/** Returns the settings of a destination that may be on this machine; `toml` are further keys. */
export function settingsOf(type: DeliverySettings["type"], url: string, toml = ""): DeliverySettings {
  const own = type === "webhook" ? `secrets = ["${WHSEC}"]` : "";
  const allow = toml.includes("allow =") ? "" : 'allow = ["127.0.0.0/8"]';
  const text = `[[deliveries]]\nname = "to"\ntype = "${type}"\nurl = "${url}"\n`;
  const [settings] = load(`${text}${toml.includes("secrets =") ? "" : own}\n${allow}\n${toml}`).config.deliveries;
  if (settings === undefined) throw new Error("there is no destination");
  return settings;
}

export function eventOf(given: Partial<OutgoingEvent> = {}): OutgoingEvent {
  return {
    sequence: 7n,
    id: "e-1",
    type: "item.created",
    sender: "shop",
    pair: null,
    body: '{"id":"e-1","name":"n","price":1.10}',
    recordedAt: 1_796_000_000_250_000n,
    traceparent: null,
    ...given,
  };
}

/** Sends one event with a new sender. */
export function send(
  settings: DeliverySettings,
  { event = eventOf(), signal = NEVER, ...dependencies }: SendOptions = {},
): Promise<Sent> {
  return makeSender(settings, { env: {}, now: systemClock.now, ...dependencies })(event, 1, signal);
}

type SendOptions = Partial<SenderDependencies> & { readonly event?: OutgoingEvent; readonly signal?: AbortSignal };
