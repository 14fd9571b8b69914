/**
 * Examples, by dotted name, of tables whose keys or number the operator chooses. Each is TOML that loads unchanged;
 * config.example.toml has it commented out.
 */
export const CONFIG_EXAMPLES: Readonly<Record<string, string>> = {
  "api.keys": `
    [[api.keys]]
    name = "wallet-app"
    hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    scopes = ["prices:read"]
    rate_limit_per_minute = 6000
  `,

  "control.keys": `
    [[control.keys]]
    name = "collector-1"
    hash = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
    tenant = "default"
    scopes = ["jobs:work"]
  `,

  "gateway.keys": `
    [[gateway.keys]]
    name = "binance-feed"
    hash = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
    scopes = ["trades:write"]
    sources = ["binance"]

    [[gateway.keys]]
    name = "shop"
    hash = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
    scopes = ["events:write"]
  `,

  "control.schedules": `
    [[control.schedules]]
    name = "prune"
    kind = "retention.prune"
    cron = "15 4 * * *"            # or every = "24h"
    time_zone = "Europe/Berlin"    # default: UTC
    missed = "coalesce"            # skip, coalesce or catch_up; default: coalesce
    overlap = "skip"               # skip or allow; default: skip
    jitter = "10m"                 # default: none

    [[control.schedules]]
    name = "ecb-rates"
    kind = "fx.import"
    payload = { file = "daily" }
    cron = "20 16 * * 1-5"
    time_zone = "Europe/Berlin"
  `,

  "aggregate.pegs": `
    USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN = "fiat:USD"
    "crypto:GUSD" = "USD"
  `,

  "aggregate.triangulations": `
    [[aggregate.triangulations]]
    target = "XLM/EUR"
    legs = ["XLM/USD", "EUR/USD"]   # 2 to 8 pairs, each in either direction, that connect
  `,

  "divergence.chainlink.feeds": `
    "BTC/USD" = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"
    "ETH/USD" = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
  `,

  "collect.endpoints": `
    [[collect.endpoints]]
    source = "sdex"
    live = "https://horizon.example.com"
    rest = "https://horizon.example.com"

    [[collect.endpoints]]
    source = "binance"
    files = "https://data.binance.vision"

    [[collect.endpoints]]
    source = "aquarius"
    rest = "https://stellar-rpc.example.com"
  `,

  feeds: `
    [[feeds]]
    source = "kraken"
    pair = "XLM/USD"

    [[feeds]]
    source = "sdex"
    pair = "native/USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"
    start = "2026-11-01T00:00:00Z"

    [[feeds]]
    source = "aquarius"
    pair = "native/USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN"
    market = "CC74DXMTNX5PSE43NQJCRW3Z26PXOSY6WPRZR5ZZWPQDIR776YBJY3QP"   # the contract of the pool; this one is made up
  `,

  deliveries: `
    [[deliveries]]
    name = "prices-hook"
    type = "webhook"
    url = "https://receiver.example.com/hooks/prices"
    events = ["price.published", "incident.*"]
    pairs = ["XLM/USD"]
    secrets = [{ file = "/run/secrets/prices-hook" }]   # or { env = "NAME" }, or "whsec_…"; two while they are changed

    [[deliveries]]
    name = "items"
    type = "graphql"
    url = "https://shop.example.com/graphql"
    events = ["item.*"]
    rate = 5                             # requests per second; default: no limit
    burst = 10
    ordering = "per_key"
    order_key = "/id"
    query = """
    mutation ($id: ID!, $name: String!, $kind: String, $brand: String!, $key: ID!) {
      createItem(id: $id, name: $name, kind: $kind, brand: $brand, clientMutationId: $key) { id }
    }"""

    [deliveries.headers]
    authorization = { env = "SHOP_AUTHORIZATION" }

    [deliveries.where]
    "/kind" = ["new", "changed"]

    [deliveries.variables]
    id = { from = "/id" }
    name = { from = "/name", default = "unnamed" }
    kind = { from = "/kind", table = { new = "CREATED", changed = "UPDATED" }, missing = "omit" }
    brand = "testBrand"
    key = { event = "delivery_id" }
  `,

  sources: `
    [[sources]]
    name = "gemini"          # lower-case letters, digits, dots, underscores and hyphens
    class = "exchange"       # exchange, aggregator, oracle, authority_sanity, lending, router or bridge; required
                             # unless the source is built in
    subclass = "cex"         # cex, dex or fx; only for class exchange
    include_in_vwap = true   # whether its trades count; default: true for exchanges only
    weight = 100             # factor of its volume in the VWAP, 1 to 1000000; default 100
  `,
};
