// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// System calls per request while strace watches every thread. Slower than the real thing, so a count, not a time.
func countSystemCalls(_ contender: Contender, threads: Int) throws -> Double? {
    guard let strace = path(of: "strace") else {
        say("bench-http: strace is not installed: system calls are not counted")
        return nil
    }
    let members = [contender.process.identifier] + children(of: contender.process.identifier)
    let tracer = try ServerProcess(strace, ["-c", "-f"] + members.flatMap { ["-p", "\($0)"] })
    usleep(500_000)
    let result = try load(contender, connections: 32, seconds: 2, threads: threads)
    tracer.signal(SIGINT)
    _ = tracer.waitForExit(timeout: 10)
    for line in tracer.errors.split(separator: "\n") where line.hasSuffix("total") {
        let words = line.split(separator: " ")
        // % time, seconds, usecs/call, calls, errors (where there are any), "total"
        if words.count >= 5, let calls = Double(words[3]), result.requests > 0 { return calls / result.requests }
    }
    say("bench-http: strace gave no table: \(tracer.errors.prefix(500))")
    return nil
}

/// Allocations per request on kept connections, from a second server with a library preloaded that counts them.
func countAllocations(_ options: Options, folder: String, fields: [String]) throws -> Double? {
    let library = ServerProcess.productsFolder + "/liballocation-counter.so"
    guard unsafe access(library, R_OK) == 0 else {
        say("bench-http: \(library) is not built; allocations are not counted")
        return nil
    }
    let file = folder + "/allocations"
    let process = try ServerProcess(
        options.command[0],
        Array(options.command.dropFirst()),
        environment: ["LD_PRELOAD": library, "ORIZURU_ALLOCATION_FILE": file]
    )
    let port = try process.waitUntilListening()
    let client = try HTTPClient(port: port)
    func ask(_ count: Int) throws {
        for _ in 0..<count {
            try client.request(options.path, fields: fields)
            _ = try client.readAnswer()
        }
    }
    func count() -> Double {
        let bytes = contents(of: file)
        guard bytes.count >= 8 else { return 0 }
        var value: UInt64 = 0
        for byte in bytes[..<8].reversed() { value = value << 8 | UInt64(byte) }
        return Double(value)
    }
    // The first request sets off the rendering of its siblings: that is not what is counted.
    _ = try HTTPClient.get(port: port, options.path)
    sleep(5)
    try ask(200)
    // What the first answers set off (a tile server makes a tile's siblings) is over before anything is counted.
    sleep(2)
    try ask(10)
    let before = count()
    guard before > 0 else {
        say("bench-http: the preloaded library counted nothing")
        return nil
    }
    try ask(10_000)
    process.signal(SIGTERM)
    let counted = (count() - before) / 10_000
    _ = process.waitForExit(timeout: 10)
    return counted
}
