/**
 * Examples, by dotted name, of the tables whose keys or number are an operator's. TOML that loads as it stands;
 * config.example.toml has it commented out.
 */
export const CONFIG_EXAMPLES: Readonly<Record<string, string>> = {
  "api.keys": `
    [[api.keys]]
    name = "wallet-app"
    hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    rate_limit_per_minute = 6000
  `,

  "aggregate.pegs": `
    USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN = "fiat:USD"
    "crypto:GUSD" = "USD"
  `,

  "aggregate.triangulations": `
    [[aggregate.triangulations]]
    target = "XLM/EUR"
    legs = ["XLM/USD", "EUR/USD"]   # 2 to 8 pairs, in either direction, each from where the one before it ends
  `,

  "divergence.chainlink.feeds": `
    "BTC/USD" = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"
    "ETH/USD" = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
  `,

  sources: `
    [[sources]]
    name = "gemini"          # lower-case letters, digits, dots, underscores and hyphens
    class = "exchange"       # exchange, aggregator, oracle, authority_sanity, lending, router or bridge; a source that is
                             # not built in must have one
    subclass = "cex"         # of an exchange: cex, dex or fx
    include_in_vwap = true   # whether its trades count; by default only those of exchanges do
    weight = 100             # the factor of its volume in the VWAP, 1 to 1000000; 100 by default
  `,
};
