// SPDX-License-Identifier: Apache-2.0

import HTTPFrontend
import HTTPMessages
import HTTPServer
import JSONText
import LockFree

/// Answers the requests of the admin listener: checks who asks, hands over what blocks, answers in JSON.
///
/// Thread rule: its reactor's thread alone.
final class AdminHandler: RequestHandler {
    private let desk: AdminDesk
    private let mailbox: Mailbox
    /// Nil: whoever reaches the listener may.
    private let token: [UInt8]?
    private var waiting: Set<Ticket> = []
    /// Actions that may wait for each other.
    private static let waitingLimit = 8

    init(desk: AdminDesk, mailbox: Mailbox, token: [UInt8]?) {
        self.desk = desk
        self.mailbox = mailbox
        self.token = token
    }

    func turnBegins() {}
    func turnEnds() {}

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        // A page that a browser shows may ask whoever runs on its machine: where nothing else tells who asks, it is refused.
        let isOfPage = unsafe request.field(.origin) != nil
        guard token != nil || !isOfPage else {
            answer(
                .failure(AdminFault(.forbidden, "requests of web pages are refused; use --admin-token-file")),
                &responder
            )
            return
        }
        guard isAllowed(request) else {
            answer(.failure(AdminFault(.unauthorized, "a bearer token is needed")), &responder)
            return
        }
        let parsed: AdminRequest
        do {
            parsed = try AdminRequest(
                method: request.method,
                path: unsafe String(decoding: request.path, as: UTF8.self),
                query: unsafe String(decoding: request.query, as: UTF8.self)
            )
        } catch {
            return answer(.failure(error), &responder)
        }
        let client = request.client.text
        switch parsed {
        case .help:
            responder.send(
                status: .ok,
                headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
                body: Array(AdminRequest.helpText.utf8)
            )
        case .purge, .reload, .startJob: later(parsed, client, &responder)
        default:
            do throws(AdminFault) {
                answer(.success(try desk.perform(parsed, client: client)), &responder)
            } catch {
                answer(.failure(error), &responder)
            }
        }
    }

    /// A purge and a reload block, and a job's work is counted first: a thread of its own does each.
    private func later(_ request: AdminRequest, _ client: String, _ responder: inout Responder) {
        guard waiting.count < Self.waitingLimit else {
            let reason = "\(Self.waitingLimit) actions are under way; try again when one has ended"
            return answer(.failure(AdminFault(.tooManyRequests, reason)), &responder)
        }
        let ticket = responder.deferred()
        waiting.insert(ticket)
        let (desk, mailbox) = (desk, mailbox)
        do {
            // Nobody joins it: it holds nothing but the desk, and ends by itself.
            _ = try OSThread(name: "admin") {
                let result: Result<JSONOutput, AdminFault>
                do throws(AdminFault) {
                    result = .success(try desk.perform(request, client: client))
                } catch {
                    result = .failure(error)
                }
                _ = mailbox.post(ticket, AdminAnswer(result))
            }
        } catch {
            let fault = AdminFault(.unavailable, "a thread for it cannot be started: \(error)")
            _ = mailbox.post(ticket, AdminAnswer(.failure(fault)))
        }
    }

    func completed(_ ticket: Ticket, _ payload: AnyObject, _ responder: inout Responder) {
        waiting.remove(ticket)
        let result = (payload as? AdminAnswer)?.result ?? .failure(AdminFault(.internalError, "an answer was lost"))
        answer(result, &responder)
    }

    func discarded(_ payload: AnyObject) {}

    func abandoned(_ ticket: Ticket) { waiting.remove(ticket) }

    private func answer(_ result: Result<JSONOutput, AdminFault>, _ responder: inout Responder) {
        var status = Status.ok
        let body: JSONOutput
        switch result {
        case .success(let value): body = value
        case .failure(let fault):
            status = fault.status
            body = .object([("error", .string(fault.reason))])
        }
        var headers: [(StaticString, String)] = [
            ("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
        ]
        if status == .unauthorized { headers.append(("WWW-Authenticate", "Bearer")) }
        responder.send(status: status, headers: headers, body: Array((body.text + "\n").utf8))
    }

    /// Whether the request carries the token (RFC 6750, 2.1); compared in a time that does not tell how much of it is right.
    private func isAllowed(_ request: borrowing Request) -> Bool {
        guard let token else { return true }
        guard let field = unsafe request.field(.authorization) else { return false }
        let given = unsafe Array(field)
        let scheme = Array("bearer ".utf8)
        guard given.count == scheme.count + token.count else { return false }
        var difference: UInt8 = 0
        for (index, byte) in given.enumerated() {
            if index < scheme.count {
                difference |= (byte | 0x20) ^ scheme[index]
            } else {
                difference |= byte ^ token[index - scheme.count]
            }
        }
        return difference == 0
    }
}

/// What a purge or a reload came to, as it lies in a mailbox.
private final class AdminAnswer: Sendable {
    let result: Result<JSONOutput, AdminFault>

    init(_ result: Result<JSONOutput, AdminFault>) { self.result = result }
}
