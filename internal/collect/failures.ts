/** The venue asks for fewer requests. */
export class VenueThrottled extends Error {
  override readonly name = "VenueThrottled";
  /** The HTTP status; null where the answer's body said so. */
  readonly status: number | null;
  /** Null where the venue did not say. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, status: number | null, retryAfterSeconds: number | null) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The venue will not answer this request: the market does not exist, or what is asked for is gone. */
export class VenueRefused extends Error {
  override readonly name = "VenueRefused";
}

/** The venue has part of what was asked for no more. */
export class HistoryGone extends Error {
  override readonly name = "HistoryGone";
}

/** The venue cannot answer now, such as in maintenance. */
export class VenueUnavailable extends Error {
  override readonly name = "VenueUnavailable";
}

/** Some trades of a window could not be understood; they are kept as unread messages. */
export class TradesUnread extends Error {
  override readonly name = "TradesUnread";
}
