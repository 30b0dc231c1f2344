// SPDX-License-Identifier: Apache-2.0

import HTTPServer
import TileCache
import TilePipeline

/// Carries outcomes from workers to the reactor that waits for them, through its mailbox. Any thread.
final class ReactorInbox: TileReceiver {
    private let mailbox: Mailbox

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    func receive(_ outcome: TileOutcome, for ticket: UInt64) { post(.outcome(outcome), Ticket(bits: ticket)) }

    /// Posts what becomes of a deferred request. A reactor that has stopped takes nothing; then nobody waits.
    func post(_ result: TileCompletion.Result, _ ticket: Ticket) {
        if !mailbox.post(ticket, TileCompletion(result)), case .outcome(.tile(let pinned, _)) = result {
            pinned.release()
        }
    }
}

/// What becomes of a deferred request, as it lies in a mailbox.
final class TileCompletion: Sendable {
    /// What the handler does next.
    enum Result: Sendable {
        case outcome(TileOutcome)
        /// The tile is in memory, or was a moment ago.
        case lookAgain
        /// The pipeline refused.
        case overloaded
    }

    let result: Result

    init(_ result: Result) { self.result = result }
}
