// SPDX-License-Identifier: Apache-2.0

/// Dates of HTTP (RFC 9110, 5.6.7), to and from seconds since 1970, without the C library's locale or time zone.
package enum HTTPDate {
    /// Bytes of `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static let byteCount = 29
    /// 31 December 9999, 23:59:59: the last second that four digits can name.
    private static let lastSecond = 253_402_300_799

    private static let days: StaticString = "ThuFriSatSunMonTueWed"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    /// Writes 29 bytes of IMF-fixdate to the start of `buffer`. Seconds beyond the years 1970 to 9999 are clamped.
    package static func write(_ secondsSince1970: Int, to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= byteCount)
        let seconds = min(max(secondsSince1970, 0), lastSecond)
        let day = seconds / 86_400
        let date = civil(day)
        let clock = seconds % 86_400
        var at = 0
        // SAFETY: 29 bytes are written in all, and the buffer has as many.
        func put(_ byte: UInt8) {
            unsafe buffer[at] = byte
            at += 1
        }
        func put(_ text: StaticString, _ range: Range<Int>) { for index in range { unsafe put(text.utf8Start[index]) } }
        func put(number: Int, digits: Int) {
            var divisor = digits == 4 ? 1000 : 10
            while divisor > 0 {
                put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        let weekday = day % 7 * 3
        put(days, weekday..<weekday + 3)
        put(", ", 0..<2)
        put(number: date.day, digits: 2)
        put(UInt8(ascii: " "))
        put(months, (date.month - 1) * 3..<date.month * 3)
        put(UInt8(ascii: " "))
        put(number: date.year, digits: 4)
        put(UInt8(ascii: " "))
        put(number: clock / 3600, digits: 2)
        put(UInt8(ascii: ":"))
        put(number: clock / 60 % 60, digits: 2)
        put(UInt8(ascii: ":"))
        put(number: clock % 60, digits: 2)
        put(" GMT", 0..<4)
    }

    /// IMF-fixdate as text, for fields that are written once.
    package static func text(_ secondsSince1970: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        // SAFETY: the array's own storage, for the length of the call.
        unsafe bytes.withUnsafeMutableBytes { unsafe write(secondsSince1970, to: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a date in IMF-fixdate, RFC 850 or asctime form. Nil for anything else: a condition with such a date is
    /// ignored. A two-digit year belongs to 1970...2069.
    package static func parse(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var reader = unsafe DateReader(bytes: bytes)
        return reader.read()
    }

    /// Year, month and day of a day number since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
    static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
        let z = day + 719_468
        let era = z / 146_097
        let dayOfEra = z % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// The day number since 1970 of a date from the year 1 on (the inverse of `civil`).
    static func dayNumber(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func month(named bytes: (UInt8, UInt8, UInt8)) -> Int? {
        for month in 0..<12 {
            // SAFETY: the literal has 36 bytes.
            let name = unsafe months.utf8Start + month * 3
            if unsafe name[0] == bytes.0 && name[1] == bytes.1 && name[2] == bytes.2 { return month + 1 }
        }
        return nil
    }
}

/// Reads the three forms of a date. The name of the day is skipped, not checked against the date.
@safe
private struct DateReader {
    // SAFETY: the caller's buffer, alive for the call of `HTTPDate.parse`; `at` is checked before each read.
    private let bytes: UnsafeRawBufferPointer
    private let count: Int
    private var at = 0

    init(bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        count = bytes.count
    }

    mutating func read() -> Int? {
        while at < count, unsafe isLetter(bytes[at]) { at += 1 }
        guard (3...9).contains(at) else { return nil }
        if skip(",") {
            guard skip(" "), let day = number(2), let separator = next() else { return nil }
            guard separator == UInt8(ascii: " ") || separator == UInt8(ascii: "-") else { return nil }
            guard let month = month(), next() == separator else { return nil }
            let isLong = separator == UInt8(ascii: " ")
            guard let digits = number(isLong ? 4 : 2), skip(" "), let clock = clock(), skip(" "), skip("G"), skip("M"),
                skip("T")
            else { return nil }
            return seconds(year: isLong ? digits : digits < 70 ? 2000 + digits : 1900 + digits, month, day, clock)
        }
        guard skip(" "), let month = month(), skip(" ") else { return nil }
        guard let day = skip(" ") ? number(1) : number(2), skip(" "), let clock = clock(), skip(" "),
            let year = number(4)
        else { return nil }
        return seconds(year: year, month, day, clock)
    }

    private func seconds(year: Int, _ month: Int, _ day: Int, _ clock: Int) -> Int? {
        guard at == count, year > 0, (1...31).contains(day) else { return nil }
        let number = HTTPDate.dayNumber(year: year, month: month, day: day)
        // The 31st of a month that has 30 days would come back as another day.
        guard number < 0 || HTTPDate.civil(number).day == day else { return nil }
        return number * 86_400 + clock
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    private mutating func next() -> UInt8? {
        guard at < count else { return nil }
        at += 1
        return unsafe bytes[at - 1]
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard at < count, unsafe bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func number(_ digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let byte = next(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private mutating func month() -> Int? {
        guard let a = next(), let b = next(), let c = next() else { return nil }
        return HTTPDate.month(named: (a, b, c))
    }

    private mutating func clock() -> Int? {
        guard let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2) else {
            return nil
        }
        // 60 is a leap second.
        guard hour < 24, minute < 60, second <= 60 else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
