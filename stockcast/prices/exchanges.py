"""Exchanges: the provider's codes, and the calendar of exchange_calendars that each stands for."""

from __future__ import annotations

from dataclasses import dataclass

ALWAYS, WEEKDAYS = "24/7", "weekdays"

# Of each calendar: Yahoo's codes as its charts name them (`exchangeName`), several of them segments or platforms of
# one exchange; and, for a code that is not among them, the time zones nearly all of whose listings trade there.
_EXCHANGES = {
    "XNYS": (
        "NMS NGM NCM NYQ NYS ASE AMX PCX BTS BATS NAS NAE NIM SNP DJI CGI OPI PNK OQB OQX OEM OGM OID OTC OBB YHD",
        "America/New_York",
    ),
    # ^VIX and its kin: the sessions of New York, but they close a quarter of an hour later.
    "XCBF": ("CXI WCB", ""),
    "XLON": ("LSE IOB FGI LON AQS CXE", "Europe/London"),
    "XETR": ("GER", "Europe/Berlin"),
    "XFRA": ("FRA", ""),
    "XDUS": ("DUS", ""),
    "XHAM": ("HAM", ""),
    "XSTU": ("STU MUN BER HAN", ""),
    "XPAR": ("PAR ENX", "Europe/Paris"),
    "XAMS": ("AMS DXE", "Europe/Amsterdam"),
    "XBRU": ("BRU", "Europe/Brussels"),
    "XLIS": ("LIS", "Europe/Lisbon"),
    "XSWX": ("EBS ZRH VTX", "Europe/Zurich"),
    "XWBO": ("VIE", "Europe/Vienna"),
    "XMIL": ("MIL TLO", "Europe/Rome"),
    "XMAD": ("MCE MAD BAR", "Europe/Madrid"),
    "XSTO": ("STO", "Europe/Stockholm"),
    "XHEL": ("HEL", "Europe/Helsinki"),
    "XCSE": ("CPH", "Europe/Copenhagen"),
    "XOSL": ("OSL", "Europe/Oslo"),
    "XICE": ("ICE", ""),
    "XDUB": ("ISE DUB", "Europe/Dublin"),
    "XWAR": ("WSE", "Europe/Warsaw"),
    "XPRA": ("PRA", ""),
    "XBUD": ("BUD", ""),
    "XBSE": ("BVB", "Europe/Bucharest"),
    "ASEX": ("ATH", "Europe/Athens"),
    "XTAL": ("TAL", ""),
    "XRIS": ("RIS", ""),
    "XLIT": ("LIT", ""),
    "XMOS": ("MCX", ""),
    "XIST": ("IST", "Europe/Istanbul"),
    "XTAE": ("TLV", ""),
    "XJSE": ("JNB", "Africa/Johannesburg"),
    "XTKS": ("JPX OSA TYO FKA SAP NGO", "Asia/Tokyo"),
    "XHKG": ("HKG HKSE", "Asia/Hong_Kong"),
    "XTSE": ("TOR VAN NEO CNQ", "America/Toronto"),
    "XASX": ("ASX CXA", "Australia/Sydney"),
    "XNZE": ("NZE", "Pacific/Auckland"),
    "XBOM": ("NSI BSE", "Asia/Kolkata Asia/Calcutta"),
    "XKRX": ("KSC KOE", "Asia/Seoul"),
    "XSHG": ("SHH SHZ SS SZ", "Asia/Shanghai"),
    "XTAI": ("TAI TWO", "Asia/Taipei"),
    "XSES": ("SES", "Asia/Singapore"),
    "XIDX": ("JKT", "Asia/Jakarta"),
    "XKLS": ("KLS", ""),
    "XBKK": ("SET", ""),
    "XPHS": ("PHS PHP", ""),
    "XKAR": ("KAR", ""),
    "BVMF": ("SAO", "America/Sao_Paulo"),
    "XMEX": ("MEX", "America/Mexico_City"),
    "XBUE": ("BUE", ""),
    "XSGO": ("SGO", ""),
    "XSAU": ("SAU", ""),
}
# Of calendars that no time zone names: the clock that their sessions are dated by.
_CLOCKS = {
    ALWAYS: "UTC",
    "AIXK": "Asia/Almaty",
    "CMES": "America/Chicago",
    "IEPA": "America/New_York",
    "XBDA": "Atlantic/Bermuda",
    "XBEL": "Europe/Belgrade",
    "XBKK": "Asia/Bangkok",
    "XBOG": "America/Bogota",
    "XBRA": "Europe/Bratislava",
    "XBUD": "Europe/Budapest",
    "XBUE": "America/Argentina/Buenos_Aires",
    "XCBF": "America/Chicago",
    "XCYS": "Asia/Nicosia",
    "XDUS": "Europe/Berlin",
    "XEEE": "Europe/Berlin",
    "XEUR": "Europe/Berlin",
    "XFRA": "Europe/Berlin",
    "XHAM": "Europe/Berlin",
    "XICE": "Atlantic/Reykjavik",
    "XKAR": "Asia/Karachi",
    "XKLS": "Asia/Kuala_Lumpur",
    "XLIM": "America/Lima",
    "XLIT": "Europe/Vilnius",
    "XLJU": "Europe/Ljubljana",
    "XLUX": "Europe/Luxembourg",
    "XMOS": "Europe/Moscow",
    "XPHS": "Asia/Manila",
    "XPRA": "Europe/Prague",
    "XRIS": "Europe/Riga",
    "XSAU": "Asia/Riyadh",
    "XSGO": "America/Santiago",
    "XSTU": "Europe/Berlin",
    "XTAE": "Asia/Jerusalem",
    "XTAL": "Europe/Tallinn",
    "XZAG": "Europe/Zagreb",
    "us_futures": "America/New_York",
}
ZONES = {name: zones.split()[0] for name, (_, zones) in _EXCHANGES.items() if zones} | _CLOCKS
"""The time zone, by its IANA name, of the clock that an exchange's sessions are dated by."""

_BY_CODE = {code: name for name, (codes, _) in _EXCHANGES.items() for code in codes.split()} | {"CCC": ALWAYS}
_BY_ZONE = {zone: name for name, (_, zones) in _EXCHANGES.items() for zone in zones.split()}

_NOT_ON_THE_EXCHANGE = frozenset({"CURRENCY", "FUTURE", "MUTUALFUND"})


@dataclass(frozen=True)
class Calendar:
    """Name of a calendar; guessed: the exchange is not known, and weekdays without holidays stand in for it."""

    name: str
    guessed: bool


def listed_calendar(code: str | None, zone: str | None, kind: str | None) -> Calendar:
    """The calendar for what the provider says of a ticker.

    Cryptocurrencies trade every day; currencies and futures on weekdays, with few holidays that no calendar here has.

    Args:
        code: Its exchange (`exchangeName`).
        zone: IANA name of the time zone.
        kind: Its `instrumentType`.
    """
    kind = (kind or "").upper()
    if kind == "CRYPTOCURRENCY":
        return Calendar(ALWAYS, guessed=False)
    if kind == "CURRENCY":
        return Calendar(WEEKDAYS, guessed=False)
    known = _BY_CODE.get((code or "").upper())
    if known is None and kind not in _NOT_ON_THE_EXCHANGE:
        known = _BY_ZONE.get(zone or "")
    return Calendar(WEEKDAYS, guessed=True) if known is None else Calendar(known, guessed=False)
