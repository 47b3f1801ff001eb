"""Words: what stands over the columns of price files, in the languages and abbreviations of those who write them.

Earlier words win where a file has several of them: a settlement before a last trade, a date before a time.
"""

# ruff: noqa: RUF001  letters of other alphabets that look like those of English

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NUMBERING = re.compile(r"\s*\d+\.\s")
_ASIDE = re.compile(r"\([^)]*\)|（[^）]*）|\[[^\]]*\]")
_LONGEST = 200
_MARKS = re.compile(r"[\W_]+")
_MARKS_BUT_COMMAS = re.compile(r"[^\w,]+|_+")
# Letters that differ from those of English by more than a mark over or under them.
_PLAIN_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})


def header_key(name: str) -> str:
    """What is compared of a header: its letters and digits in lower case, without accents.

    "Adj. Close**", "5. adjusted close", "Close (USD)" and "Último" become adjclose, adjustedclose, close and ultimo.
    """
    # What is longer is no header, and an aside that never ends would be looked for from each of its marks.
    name = name[:_LONGEST]
    plain = _ASIDE.sub("", _NUMBERING.sub("", name, count=1) if _NUMBERING.match(name) else name)
    return "".join(filter(str.isalnum, plain)).lower() if plain.isascii() else _key(plain, _MARKS)


def _key(text: str, marks: re.Pattern[str]) -> str:
    # Decomposed, an accent is a mark of its own; what is left, such as Hangul, is composed again.
    parts = marks.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", parts).translate(_PLAIN_LETTERS)


def _keys(*lines: str) -> tuple[str, ...]:
    """The keys of words with commas between them, each once."""
    return tuple(dict.fromkeys(_key(",".join(lines), _MARKS_BUT_COMMAS).split(",")))


DATE_NAMES = _keys(
    "date, datetime, trade date, trading date, price date, observation date, date time, dates, trade_dt, cal_dt",
    "quote date, session date, business date, market date, value date, data date, as of date, ref date, eod date",
    "index date, dly cal dt, window start",
    "formatted date, trading day, day, <DTYYYYMMDD>, ds, dt, timestamp, time stamp, trade time, gmt time, local time",
    "open time, begin, time, time key, time period, period, unix, unix timestamp, unix time, epoch, ts",
    "Datum, Handelstag, Handelsdatum, Kursdatum, Tag, Zeit, Zeitpunkt, Jour, Séance, Fecha, Día, Data, Giorno, Dia",
    "Data do pregão, datapregao, Data da cotação, Дата, Дата торгов, День, Время, Tarih, Ngày, Ngày giao dịch",
    "Dato, Päivämäärä, Päiväys, Dátum, Tanggal, Ημερομηνία, วันที่, วันเดือนปี, التاريخ, תאריך",
    "日期, 交易日期, 交易日, 时间, 時間, 日時, 年月日, 成交日期, 日付, 日付け, 取引日, 営業日, 날짜, 일자",
    "거래일, 거래일자, 일시",
)
CLOCK_NAMES = _keys(
    "time, hour, bar time, open time, start time, Zeit, Uhrzeit, Heure, Hora, Ora, Время, 时间, 時間, 시간, 시각, 時刻"
)
"""Of a column of times beside one of dates."""

CLOSE_NAMES = _keys(
    "close, close/last, close price, closing price, price close, px close, day close, eod close",
    "legal close price, official close, closing, close value, closing value, closing index value",
    "settle, settlement, settlement price, settle price, px settle, sett price, daily settlement price",
    "last, last price, px last, last trade, last traded price, last done",
    "ltp, price, prc, nav, net asset value, value",
    "dly close, dly prc, prccd, index value, index level, rate, fixing, fix, quote",
    "Schlusskurs, Schluss, Schlußkurs, Schlusspreis, Schlussstand, Letzter Kurs, Zuletzt, Letzter, Kurs, Preis",
    "Clôture, Clot, Cours de clôture, Prix de clôture, Fermeture, Dernier, Dernier cours, Cours, Prix",
    "Cierre, Precio de cierre, Precio cierre, Cotización de cierre, Último, Último precio, Precio, Cotización",
    "Chiusura, Prezzo di chiusura, Prezzo chiusura, Ultimo prezzo, Prezzo ultimo, Prezzo",
    "Fechamento, Preço de fechamento, Fecho, preult, Último preço, Preço, Cotação",
    "Закрытие, Цена закрытия, Закр., Последняя, Цена послед., Цена, Курс",
    "Kapanış, Kapanış fiyatı, Son, Son fiyat, Şimdi, Fiyat",
    "Đóng cửa, Giá đóng cửa, Lần cuối, Giá cuối, Giá",
    "Zamkniecie, Zamknięcie, Kurs zamknięcia, Ostatnio, Slotkoers, Slot, Laatst, Laatste, Koers",
    "Stängning, Slutkurs, Senaste, Senast, Sluttkurs, Siste, Lukukurssi, Päätöskurssi, Viimeisin",
    "Záró, Záróár, Zavírací, Poslední, Penutupan, Terakhir",
    "Κλείσιμο, ปิด, ราคาปิด, ล่าสุด, الإغلاق, سعر الإغلاق, סגירה",
    "收盘, 收盘价, 收市, 收市价, 今收, 今收盘, 最新价, 最新, 收盤, 收盤價, 收市價, 成交價, 净值, 单位净值",
    "終値, 終り値, 終わり値, 引値, 現在値, 基準価額, 基準価格, 종가, 현재가, 기준가, 체결가",
)
ADJUSTED_NAMES = _keys(
    "adj close, adjusted close, close adj, close adjusted, adj close price, adjusted close price",
    "adjusted closing price, adjusted, adj, adjusted price, adj price",
    "adj closing price, adjustment close, adj cls, aclose, adj c",
    "total return close, Bereinigter Schlusskurs, Adj. Schlusskurs, Clôture ajustée, Cours ajusté, Cierre ajustado",
    "Chiusura rettificata, Fechamento ajustado, Скорректированная цена закрытия, Düzeltilmiş kapanış",
    "Giá điều chỉnh, Giá đóng cửa điều chỉnh, 复权价, 复权收盘价, 调整收盘价, 調整後收盤價, 還原收盤價",
    "調整後終値, 調整終値, 終値調整値, 修正後終値, 수정종가, 수정주가",
)
OTHER_NAMES = {
    "open": _keys(
        "open index value, openprc, dly open, prcod",
        "open, open price, opening price, opening, price open, px open, day open, first, first price, preabe",
        "Eröffnung, Eröffn., Eröffnungskurs, Eröffnungspreis, Erster, Erster Kurs, Anfang, Ouverture, Ouv., Ouv",
        "Cours d'ouverture, Apertura, Precio de apertura, Prezzo di apertura, Abertura, Preço de abertura",
        "Открытие, Откр., Цена открытия, Açılış, Mở, Mở cửa, Giá mở cửa, Otwarcie, Kurs otwarcia",
        "Openingskoers, Öppning, Öppen, Öppningskurs, Åbning, Åpning, Avaus, Nyitó, Otevření, Pembukaan, Pembuka",
        "Άνοιγμα, เปิด, ราคาเปิด, فتح, الافتتاح, פתיחה",
        "开盘, 开盘价, 今开, 今开盘, 开市, 開盤, 開盤價, 開市, 開市價, 始値, 始め値, 寄付, 寄値, 시가",
    ),
    "high": _keys(
        "high index value, askhi, dly high, prchd",
        "high, high price, price high, px high, day high, daily high, highest, highest price, max, maximum, premax",
        "Hoch, Höchst, Höchstkurs, Tageshoch, Höchster, Plus haut, Haut, + haut, Máximo, Máxima, Máx., Precio máximo",
        "Massimo, Max, Prezzo massimo, Preço máximo, Максимум, Макс., Максимальная цена, Yüksek, En yüksek",
        "Cao, Cao nhất, Giá cao nhất, Najwyzszy, Najwyższy, Kurs max, Hoog, Hoogste, Högst, Högsta, Høy, Høj, Ylin",
        "Legmagasabb, Nejvyšší, Tertinggi, Υψηλό, สูงสุด, الأعلى, أعلى, גבוה",
        "高, 最高, 最高价, 最高價, 高値, 고가",
    ),
    "low": _keys(
        "low index value, bidlo, dly low, prcld",
        "low, low price, price low, px low, day low, daily low, lowest, lowest price, min, minimum, premin",
        "Tief, Tiefst, Tiefstkurs, Tagestief, Tiefster, Plus bas, Bas, + bas, Mínimo, Mínima, Mín., Precio mínimo",
        "Minimo, Min, Prezzo minimo, Preço mínimo, Минимум, Мин., Минимальная цена, Düşük, En düşük",
        "Thấp, Thấp nhất, Giá thấp nhất, Najnizszy, Najniższy, Kurs min, Laag, Laagste, Lägst, Lägsta, Lav, Alin",
        "Legalacsonyabb, Nejnižší, Terendah, Χαμηλό, ต่ำสุด, الأدنى, أدنى, נמוך",
        "低, 最低, 最低价, 最低價, 安値, 저가",
    ),
    "volume": _keys(
        "volume, vol, share volume, total volume, traded volume, trade volume, trading volume, volume traded",
        "px volume, shares traded, no. of shares, number of shares",
        "total traded quantity, tottrdqty, ttl_trd_qnty, quantity, qty",
        "dly vol, cshtrd, tick volume, tickvol, real volume, voltotneg, quatot",
        "Stuecke, Stücke, Stück, Umsatz in Stück, Gehandelte Stücke, Volumen, Quantité, Titres, Volumes échangés",
        "Títulos, Volumi, Quantità, Quantidade, Объем, Объём, Hacim, Hac., Lot, KL, Khối lượng, Khối lượng giao dịch",
        "KL khớp lệnh, Tổng khối lượng, Wolumen, Wol., Volym, Omsætning, Volyymi, Forgalom, Objem, Vol, Όγκος",
        "ปริมาณ, حجم, נפח",
        "交易量, 成交量, 总手, 成交股數, 成交數量, 成交数量, 出来高, 売買高, 거래량",
    ),
    # Not Yahoo's "Stock Splits": its closes and volumes are split-adjusted already.
    "splits": _keys("split coefficient, split factor, split ratio, split"),
}
YAHOO_SPLITS = "stocksplits"
TICKER_NAMES = _keys(
    "ticker, symbol, tic, ric, ts_code, trading symbol, stock code, stock symbol, stock ticker, ticker symbol",
    "sec code, stock id, code, secid, sec id, tckr symb",
    "codneg, act symbol, scrip code, scrip, sc code, unique id, item id",
    "series id, asset id, instrument, instrument id, security, security code, security id, asset, permno, gvkey",
    "isin, isin code, cusip, sedol, figi, wkn, pair, coin, contract, name, stock, stock name, company, company name",
    "index name, security name, short name",
    "Wertpapier, Aktie, Valeur, Titre, Libellé, Valor, Símbolo, Código, Acción",
    "Simbolo, Codice, Titolo, Ativo, Papel, Тикер, Код, Инструмент, Название, Hisse, Hisse kodu, Kod, Sembol",
    "Mã, Mã CK, Mã chứng khoán, Nazwa, Fonds, Aandeel, Aktie",
    "证券代码, 股票代码, 代码, 证券简称, 股票简称, 股票名称",
    "证券名称, 股票, 名称, 證券代號, 股票代號, 代號, 股票代碼",
    "證券名稱, 股票名稱, 證券代碼, 銘柄コード, 証券コード, コード",
    "銘柄, 銘柄名, 종목코드, 단축코드, 종목, 종목명, 표준코드",
)
# Prices of another moment, averages of a day and what is no price at all.
_NO_CLOSES = frozenset(
    _keys(
        "vwap, twap, average, avg price, average price, typical price, weighted average, wap, waprice, mean",
        "previous close, prev close, preclose, pre close, prevclose, amount, turnover, change, change %, % change",
        "return, Umsatz, 前收盘, 前收, 昨收, 成交额, 涨跌幅",
        "涨跌额, 成交金額, 売買代金, 前日比, 등락률, 거래대금, 전일비",
    )
)

UNITS = frozenset(
    _keys(
        "usd, eur, gbp, gbx, jpy, cny, cnh, rmb, hkd, inr, krw, twd, sgd, aud, nzd, cad, chf, sek, nok, dkk, pln, czk",
        "huf, try, rub, brl, mxn, zar, thb, idr, myr, php, vnd, ils, sar, aed, shares, points",
        "pts, units, currency, lots",
    )
)
"""Keys of what prices and volumes are counted in."""

# JSON of charts (Finnhub, Binance, Polygon, TradingView) names its lists by their first letters.
_LETTERS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "t": "time"}
_MOST_LETTERED = 12
_LONGEST_KEY = 80

PRICE_NAMES = frozenset((*CLOSE_NAMES, *ADJUSTED_NAMES))
"""Words that name a close, adjusted or not."""

_FIELDS = PRICE_NAMES.union(*OTHER_NAMES.values(), {YAHOO_SPLITS})
_KNOWN = _FIELDS.union(DATE_NAMES)


def keys_of(names: Iterable[str]) -> list[str]:
    """The key of each header; letters alone (o, h, l, c) count where there are those of all four prices.

    A single such letter is a ticker: C, F, T and V are large companies.
    """
    keys = [header_key(name) for name in names]
    if len(keys) <= _MOST_LETTERED and {"o", "h", "l", "c"} <= {*keys} and PRICE_NAMES.isdisjoint(keys):
        return [_LETTERS.get(key, key) for key in keys]
    return keys


def first_of(keys: list[str], aliases: tuple[str, ...]) -> int | None:
    """Index of the first alias that is among the keys; earlier aliases win."""
    return next((keys.index(alias) for alias in aliases if alias in keys), None)


def names_field(key: str) -> bool:
    """Whether a key names prices or volumes."""
    return key in _FIELDS


def may_be_close(key: str) -> bool:
    """Whether a column under a key that is not known may hold closes: it may be a ticker or a company."""
    return key not in _KNOWN and key not in _NO_CLOSES and len(key) <= _LONGEST_KEY


def known_words(cells: Iterable[str]) -> int:
    """How many of the cells are words that stand over dates, prices or volumes, each word once."""
    return known_among(keys_of(cells))


def known_among(keys: Iterable[str]) -> int:
    """How many different keys are those of such words."""
    return len(_KNOWN.intersection(keys))
