// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
package import HTTPServer
import LockFree
import Telemetry

/// Stands in front of a handler and writes a line for each answer it gives. Only there where an access log is wanted, so
/// that without one nothing is paid for it.
///
/// Requests that the server itself refuses, because they are malformed, reach no handler and no access log; the metrics
/// count them.
package final class AccountingHandler: RequestHandler {
    private let inner: any RequestHandler
    private let ring: LogRing
    private let proxies: TrustedProxies
    private var date = LogDate()
    private var line: [UInt8] = []
    /// The beginnings of the lines of deferred requests.
    private var waiting: [Ticket: Beginning] = [:]

    private struct Beginning {
        let client: String
        let request: [UInt8]
        let ending: [UInt8]
        let start: Int
    }

    package init(_ inner: any RequestHandler, log: AccessLog, reactor: Int, proxies: TrustedProxies) {
        self.inner = inner
        self.proxies = proxies
        ring = log.ring(ofReactor: reactor)
    }

    package func turnBegins() { inner.turnBegins() }
    package func turnEnds() { inner.turnEnds() }

    package func handle(_ request: borrowing Request, _ responder: inout Responder) {
        let beginning = begin(request)
        inner.handle(request, &responder)
        if let account = responder.account {
            finish(beginning, account)
        } else if let ticket = responder.ticket {
            waiting[ticket] = beginning
        }
    }

    package func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        inner.completed(ticket, payload, &responder)
        guard let beginning = waiting.removeValue(forKey: ticket) else { return }
        if let account = responder.account {
            finish(beginning, account)
        } else if let next = responder.ticket {
            waiting[next] = beginning
        }
    }

    package func discarded(_ payload: AnyObject) { inner.discarded(payload) }

    package func abandoned(_ ticket: Ticket) {
        inner.abandoned(ticket)
        if let beginning = waiting.removeValue(forKey: ticket) { finish(beginning, nil) }
    }

    private func begin(_ request: borrowing Request) -> Beginning {
        var first: [UInt8] = []
        // SAFETY: views of the request, valid until it is answered; copied here.
        for byte in unsafe Array(request.rawHead) {
            if byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n") {
                if first.isEmpty { continue }
                break
            }
            Self.append(byte, to: &first)
        }
        var last: [UInt8] = []
        for field in [KnownField.referer, .userAgent] {
            last += " \"".utf8
            if let value = unsafe request.field(field).map({ unsafe Array($0) }) {
                for byte in value { Self.append(byte, to: &last) }
            } else {
                last.append(UInt8(ascii: "-"))
            }
            last.append(UInt8(ascii: "\""))
        }
        let origin = RequestOrigin(request, trusting: proxies)
        return Beginning(client: origin.client.text, request: first, ending: last, start: MonotonicClock.nanoseconds)
    }

    /// Writes `CLIENT - - [TIME] "REQUEST" STATUS BYTES "REFERER" "USER AGENT" MICROSECONDS`: the combined format of
    /// Apache and nginx, and the time it took. Status 499: the client was gone before its answer.
    private func finish(_ beginning: Beginning, _ account: Responder.Account?) {
        line.removeAll(keepingCapacity: true)
        line += beginning.client.utf8
        line += " - - [".utf8
        line += date.text
        line += "] \"".utf8
        line += beginning.request
        let microseconds = (MonotonicClock.nanoseconds - beginning.start) / 1000
        line += "\" \(account?.status.code ?? 499) \(account?.bodyByteCount ?? 0)".utf8
        line += beginning.ending
        line += " \(microseconds)\n".utf8
        ring.append(line)
    }

    /// A byte that cannot end its quotes or its line.
    static func append(_ byte: UInt8, to text: inout [UInt8]) {
        if byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
            text.append(byte)
        } else {
            let digits = Array("0123456789ABCDEF".utf8)
            text += "\\x".utf8
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
    }
}
