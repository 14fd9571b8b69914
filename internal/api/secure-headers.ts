/**
 * On every answer: what it is called is what it is, and no other site may embed it. They are constants of each answer, as
 * middleware that sets them would make every answer wait for promises. Strict-Transport-Security is for the proxy that ends
 * TLS to say.
 */
export const SECURE_HEADERS = {
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "SAMEORIGIN",
} as const;

/** What a page needs besides: it opens other pages, and loads things. */
export const SECURE_PAGE_HEADERS = {
  ...SECURE_HEADERS,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Origin-Agent-Cluster": "?1",
  "X-DNS-Prefetch-Control": "off",
  "X-Download-Options": "noopen",
  "X-Permitted-Cross-Domain-Policies": "none",
  "X-XSS-Protection": "0",
} as const;
