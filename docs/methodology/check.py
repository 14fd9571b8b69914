#!/usr/bin/env python3
"""Prints the VWAP and the TWAP of one bucket, or why there is none, from a CSV of trades alone. See docs/methodology.md.

python3 check.py example.csv crypto:XLM/fiat:USD,native/fiat:USD bitstamp,kraken 2026-03-02T12:10:00Z 300 '{"registry_version":2}'

Arguments: file; the pair and the other names it is stored under; sources the class filter keeps; end of the bucket; its
length in seconds; policy document. Weights, cap, MAD, pegs and other markets are not supported; the quote counts as USD.
"""
import calendar, csv, hashlib, json, sys, time
from fractions import Fraction as F
from statistics import median
from types import SimpleNamespace

DEFAULTS = {"venue_deviation_pct": 10, "outlier_sigma_threshold": 4, "outlier_max_dropped_share": F(1, 2), "min_sources": 1,
            "min_usd_volume": 10000, "guard_factor": 2, "guard_confirmations": 2, "twap_carry_seconds": 3600}
STELLAR, MINUTE, HOUR = "aquarius comet phoenix sdex soroswap".split(), 60 * 10**6, 3600 * 10**6
path, pairs, counted, end, seconds, document = sys.argv[1:]
document = json.loads(document)
if document.keys() - DEFAULTS.keys() - {"registry_version"}: sys.exit("the policy document has unsupported settings")
policy = SimpleNamespace(**{key: F(document.get(key, value)) for key, value in DEFAULTS.items()})

def micros(text):
    whole, _, part = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**6 + int(part[:6].ljust(6, "0"))

def rounded(x, digits=18):  # half-even, to significant digits
    power = len(str(x.numerator)) - len(str(x.denominator))
    step = F(10) ** (power - (x < F(10) ** power) - digits + 1)
    return round(x / step) * step

def plain(x):  # a decimal, without leading or trailing zeros
    digits = str(int(x * 10**90)).rjust(91, "0")
    return f"{digits[:-90]}.{digits[-90:]}".rstrip("0").rstrip(".")

def trade(row):
    b, q = F(row["base_amount"]), F(row["quote_amount"])
    unit = F(1, 10**7) if row["source"] in STELLAR or not (":" in row["base"] and ":" in row["quote"]) else F(1, 10**8)
    order = micros(row["ts"]), row["source"], len(row["trade_id"]), row["trade_id"], row["base"], row["quote"]
    return SimpleNamespace(order=order, ts=order[0], source=order[1], pair=f"{row['base']}/{row['quote']}", b=b, q=q,
                           price=F(q * 10**30 // b, 10**30), forms=b * q >= 1000 * unit * (b + q))

def base(trades): return sum(t.b for t in trades)
def quote(trades): return sum(t.q for t in trades)
def vwap(trades): return quote(trades) / base(trades)
def within(x, of, factor): return x <= of * factor and x * factor >= of

def groups(trades, key):
    return {name: [t for t in trades if key(t) == name] for name in sorted({key(t) for t in trades})}

def outlier_rule(trades):
    def rule(weights):
        n = sum(weights)
        s, ss = (sum(w * t.price**e for w, t in zip(weights, trades)) for e in (1, 2))
        return lambda t: (n * t.price - s) ** 2 > policy.outlier_sigma_threshold**2 * (n * ss - s**2)
    if policy.outlier_sigma_threshold == 0 or len(trades) < 3: return lambda t: False
    by_count = rule([1] * len(trades))
    too_much = quote(filter(by_count, trades)) > policy.outlier_max_dropped_share * quote(trades)
    return rule([t.q for t in trades]) if too_much else by_count

def near(prices, venues=None):
    if policy.venue_deviation_pct == 0 or len(prices) < 3: return set(prices)
    voters = [name for name in venues or () if quote(venues[name]) * 100 >= policy.min_usd_volume]
    votes = [prices[name] for name in voters or prices]
    middles = votes if len(votes) < 3 else [median(votes)]
    reach = policy.venue_deviation_pct / 100
    return {name for name, price in prices.items() if any(abs(price - m) <= m * reach for m in middles)}

def near_venues(trades):
    venues, cleaned = groups(trades, lambda t: t.source), set()
    prices = {name: vwap(of) for name, of in venues.items()}
    while odd := prices.keys() - near(prices, venues) - cleaned:
        rules = {name: outlier_rule(venues[name]) for name in odd}
        prices.update({name: vwap([t for t in venues[name] if not rules[name](t)]) for name in odd})
        cleaned |= odd
    return near(prices, venues)

def recent_price(trades, before, least):
    def blocks(length, first, last):
        found = groups([t for t in trades if first <= t.ts < last], lambda t: -(t.ts // length))
        rows = [groups(of, lambda t: (t.source, t.pair)).values() for of in found.values()]  # newest first
        counted = [[t for row in each if any(t.forms for t in row) and quote(row) >= least for t in row] for each in rows]
        return [groups(of, lambda t: t.source) for of in counted if of]
    hour = before // HOUR * HOUR
    hours = blocks(HOUR, hour - 31 * 24 * HOUR, hour)
    minutes = [] if hours else blocks(MINUTE, -(-(before - 3 * HOUR) // MINUTE) * MINUTE, before // MINUTE * MINUTE)
    for found in [minutes] + [hours[at:at + 5] for at in range(0, len(hours), 5)]:
        prices = []
        for venues in found:
            own = {name: vwap(of) for name, of in venues.items()}
            kept = near(own)
            price = vwap([t for name in kept for t in venues[name]]) if kept else None
            if any(within(own[name], price, policy.guard_factor) for name in kept): prices.append(price)
        if prices: return median(prices if len(prices) % 2 else prices[1:] or prices)
    return None

end = micros(end)
start, names = end - int(seconds) * 10**6, pairs.split(",")
stored = sorted((t for t in map(trade, csv.DictReader(open(path))) if t.pair in names), key=lambda t: t.order)
ours = [t for t in stored if t.source in counted.split(",")]
bucket = [t for t in ours if start <= t.ts < end]
venues = near_venues(bucket)
of_venues = [t for t in bucket if t.source in venues]
is_outlier = outlier_rule(of_venues)
kept = [t for t in of_venues if not is_outlier(t)]
sources = groups(kept, lambda t: t.source)
if not kept: sys.exit("empty")
if len(sources) < policy.min_sources: sys.exit("too-few-sources")
if quote(kept) < policy.min_usd_volume: sys.exit("below-floor")
price, recent, factor, vote = vwap(kept), None, policy.guard_factor, policy.min_usd_volume / 100
for before in ([start] + [end - HOUR] * (end - start > HOUR)) * (factor > 0):
    for least in vote, 0:  # small trades count where there are no others
        recent = recent_price(ours, before, least) if recent is None else recent
low = high = price if recent is None else recent
if recent is not None and not within(price, recent, factor):
    agree = [of for of in sources.values() if quote(of) >= policy.min_usd_volume and within(vwap(of), price, factor)]
    if len(agree) < policy.guard_confirmations: sys.exit("guarded")
    low, high = sorted([price, recent])

iso = lambda ts: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ts // 10**6))
canonical = json.dumps(document, separators=(",", ":"), sort_keys=True)  # RFC 8785, as long as all of it is ASCII
policy_id = hashlib.sha256(canonical.encode()).hexdigest()[:12]
head = {"pair": names[0], "window_seconds": int(seconds), "from": iso(start), "to": iso(end)}
dropped = {"class": sum(start <= t.ts < end for t in stored) - len(bucket), "outlier": len(of_venues) - len(kept)}
if len(bucket) > len(of_venues): dropped["venue"] = len(bucket) - len(of_venues)
show = lambda value: print(json.dumps(value, separators=(",", ":")))
show({**head, "price": plain(rounded(price)), "base_volume": plain(base(kept)), "quote_volume": plain(quote(kept)),
      "usd_volume": plain(rounded(quote(kept))), "trade_count": len(kept),
      "sources": [{"source": name, "trade_count": len(of), "base_volume": plain(base(of)), "quote_volume": plain(quote(of)),
                   "share": plain(round(quote(of) / quote(kept), 6))} for name, of in sources.items()],
      "dropped": dropped, "policy": policy_id})

formed = [t for t in ours if t.source in sources and t.forms and not is_outlier(t)
          and (not factor or rounded(low / factor, 60) <= t.price <= rounded(high * factor, 60))]
shown = [t for t in formed if start <= t.ts < end]
carried = [t for t in formed if start - policy.twap_carry_seconds * 10**6 <= t.ts < start][-1:]
steps = [(start, t.price) for t in carried] + [(t.ts, t.price) for t in shown]
stands = [(after - at, p) for (at, p), (after, _) in zip(steps, steps[1:] + [(end, None)])]
span = sum(length for length, _ in stands)
if span: show({**head, "price": plain(rounded(sum(p * length for length, p in stands) / span)), "trade_count": len(shown),
               "policy": policy_id})
