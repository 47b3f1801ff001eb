"""Exchanges: the provider's codes, and the calendar of exchange_calendars that each stands for."""

from __future__ import annotations

from dataclasses import dataclass

ALWAYS, WEEKDAYS = "24/7", "weekdays"

# Yahoo's codes as its charts name them (`exchangeName`); several are segments or platforms of one exchange.
_CODES = {
    "XNYS": "NMS NGM NCM NYQ NYS ASE AMX PCX BTS BATS NAS NAE NIM SNP DJI CGI OPI PNK OQB OQX OEM OGM OID OTC OBB YHD",
    # ^VIX and its kin: the sessions of New York, but they close a quarter of an hour later.
    "XCBF": "CXI WCB",
    "XLON": "LSE IOB FGI LON AQS CXE",
    "XETR": "GER",
    "XFRA": "FRA",
    "XDUS": "DUS",
    "XHAM": "HAM",
    "XSTU": "STU MUN BER HAN",
    "XPAR": "PAR ENX",
    "XAMS": "AMS DXE",
    "XBRU": "BRU",
    "XLIS": "LIS",
    "XSWX": "EBS ZRH VTX",
    "XWBO": "VIE",
    "XMIL": "MIL TLO",
    "XMAD": "MCE MAD BAR",
    "XSTO": "STO",
    "XHEL": "HEL",
    "XCSE": "CPH",
    "XOSL": "OSL",
    "XICE": "ICE",
    "XDUB": "ISE DUB",
    "XWAR": "WSE",
    "XPRA": "PRA",
    "XBUD": "BUD",
    "XBSE": "BVB",
    "ASEX": "ATH",
    "XTAL": "TAL",
    "XRIS": "RIS",
    "XLIT": "LIT",
    "XMOS": "MCX",
    "XIST": "IST",
    "XTAE": "TLV",
    "XJSE": "JNB",
    "XTKS": "JPX OSA TYO FKA SAP NGO",
    "XHKG": "HKG HKSE",
    "XTSE": "TOR VAN NEO CNQ",
    "XASX": "ASX CXA",
    "XNZE": "NZE",
    "XBOM": "NSI BSE",
    "XKRX": "KSC KOE",
    "XSHG": "SHH SHZ SS SZ",
    "XTAI": "TAI TWO",
    "XSES": "SES",
    "XIDX": "JKT",
    "XKLS": "KLS",
    "XBKK": "SET",
    "XPHS": "PHS PHP",
    "XKAR": "KAR",
    "BVMF": "SAO",
    "XMEX": "MEX",
    "XBUE": "BUE",
    "XSGO": "SGO",
    "XSAU": "SAU",
}
_BY_CODE = {code: name for name, codes in _CODES.items() for code in codes.split()}
_BY_CODE["CCC"] = ALWAYS

# For a code that is not in the list: the exchange that nearly all listings of the zone trade on.
_BY_ZONE = {
    "America/New_York": "XNYS",
    "America/Toronto": "XTSE",
    "America/Sao_Paulo": "BVMF",
    "America/Mexico_City": "XMEX",
    "Europe/London": "XLON",
    "Europe/Berlin": "XETR",
    "Europe/Paris": "XPAR",
    "Europe/Amsterdam": "XAMS",
    "Europe/Brussels": "XBRU",
    "Europe/Lisbon": "XLIS",
    "Europe/Madrid": "XMAD",
    "Europe/Rome": "XMIL",
    "Europe/Zurich": "XSWX",
    "Europe/Vienna": "XWBO",
    "Europe/Stockholm": "XSTO",
    "Europe/Helsinki": "XHEL",
    "Europe/Copenhagen": "XCSE",
    "Europe/Oslo": "XOSL",
    "Europe/Dublin": "XDUB",
    "Europe/Warsaw": "XWAR",
    "Europe/Istanbul": "XIST",
    "Europe/Athens": "ASEX",
    "Europe/Bucharest": "XBSE",
    "Africa/Johannesburg": "XJSE",
    "Asia/Tokyo": "XTKS",
    "Asia/Hong_Kong": "XHKG",
    "Asia/Kolkata": "XBOM",
    "Asia/Calcutta": "XBOM",
    "Asia/Seoul": "XKRX",
    "Asia/Shanghai": "XSHG",
    "Asia/Taipei": "XTAI",
    "Asia/Singapore": "XSES",
    "Asia/Jakarta": "XIDX",
    "Australia/Sydney": "XASX",
    "Pacific/Auckland": "XNZE",
}

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
