// SPDX-License-Identifier: Apache-2.0
// A complete HTTP/1.1 server on HTTPServer alone:  hello-server [PORT [BYTES]]

import Glibc
import HTTPMessages
import HTTPServer

/// Answers every path with the same bytes: a stored header block and, right behind it, a stored body.
@safe
final class Hello: RequestHandler {
    private let answer: UnsafeRawBufferPointer
    private let headCount: Int

    init(_ body: [UInt8]) {
        var block = HeaderBlock()
        block.add("Content-Type", "text/plain")
        block.add("Content-Length", body.count)
        let bytes = block.finished() + body
        headCount = bytes.count - body.count
        // SAFETY: allocated once and never freed, as BodyOwner.immortal asks for.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        unsafe memory.copyBytes(from: bytes)
        unsafe answer = UnsafeRawBufferPointer(memory)
    }

    func handle(_ request: borrowing Request, _ responder: inout Responder) {
        let head = unsafe UnsafeRawBufferPointer(rebasing: answer[..<headCount])
        let body = unsafe UnsafeRawBufferPointer(rebasing: answer[headCount...])
        unsafe responder.send(status: .ok, head: head, body: body, owner: .immortal)
    }
}

let numbers = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
let body = numbers.count > 1 ? [UInt8](repeating: 0x2A, count: numbers[1]) : Array("Hello.\n".utf8)
var configuration = HTTPServerConfiguration()
configuration.listen = [ListenAddress("127.0.0.1", port: numbers.first.flatMap(UInt16.init(exactly:)) ?? 8080)]
do {
    let signals = try TerminationSignals()
    let server = HTTPServer(configuration) { _, _ in Hello(body) }
    try server.start()
    print("listening on http://127.0.0.1:\(server.port)")
    fflush(nil)
    _ = signals.wait()
    server.drain(deadline: .seconds(5))
} catch {
    print("\(error)")
    exit(1)
}
