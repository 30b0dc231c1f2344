// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LockFree
internal import Synchronization

/// The structured log: one line per event, to one file descriptor.
///
/// Callable from any thread. A line is one write(2) of at most 4096 bytes. A descriptor that takes nothing (a pipe
/// whose reader stands still) costs the first line 20 ms and the following ones nothing: they are dropped and counted,
/// and a line that says how many follows once writing works again. A closed pipe (EPIPE) is a drop, too, which is why
/// creating a logger makes the process ignore SIGPIPE.
package final class Logger: Sendable {
    private let descriptor: Int32
    private let format: LogFormat
    private let isColored: Bool
    private let threshold: Atomic<UInt8>
    private let output = Lock(Output())

    /// What the lock guards: who writes to the descriptor.
    private struct Output {
        var isStuck = false
        var dropped = 0
    }

    /// - Parameters:
    ///   - level: lines below it are not written.
    ///   - format: nil chooses text on a terminal and JSON lines otherwise. Text is coloured on a terminal only.
    ///   - descriptor: stays open for as long as the logger lives; standard error by default.
    package init(level: LogLevel = .info, format: LogFormat? = nil, descriptor: Int32 = 2) {
        let isTerminal = isatty(descriptor) == 1
        self.descriptor = descriptor
        self.format = format ?? (isTerminal ? .text : .json)
        isColored = unsafe isTerminal && getenv("NO_COLOR") == nil
        threshold = Atomic(level.rawValue)
        signal(SIGPIPE, SIG_IGN)
    }

    /// A logger that writes nothing, for tests.
    package static let silent = Logger(level: .error, format: .json, descriptor: -1)

    /// The lowest level that is written. May change at any time.
    package var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether a line of this level would be written: ask before building something expensive.
    package func writes(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    /// Writes a line. Message and fields are built only if the level is written.
    package func log(
        _ level: LogLevel,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard writes(level) else { return }
        write(level, message(), fields())
    }

    /// Writes a line unless one of the same `fault` was written less than its interval ago; says then how many were
    /// left out since the last.
    package func log(
        _ level: LogLevel,
        limitedBy fault: RepeatedFault,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard writes(level), let left = fault.admit() else { return }
        write(level, left == 0 ? message() : "\(message()) (and \(left) more since the last such line)", fields())
    }

    private func write(_ level: LogLevel, _ message: String, _ fields: LogFields) {
        let line = encode(level, message, fields)
        output.withLock { output in
            if output.dropped > 0, send(encode(.warning, "\(output.dropped) lines of the log were dropped", [:]), 0) {
                output.dropped = 0
                output.isStuck = false
            }
            let sent = output.dropped == 0 && send(line, output.isStuck ? 0 : 20)
            output.isStuck = !sent
            if !sent { output.dropped += 1 }
        }
    }

    private func encode(_ level: LogLevel, _ message: String, _ fields: LogFields) -> [UInt8] {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return LogLine.bytes(
            format: format,
            colored: isColored,
            milliseconds: max(now.tv_sec, 0) * 1000 + now.tv_nsec / 1_000_000,
            level: level,
            message: message,
            fields: fields
        )
    }

    /// Whether the descriptor took the line whole, waiting for it at most `patience` milliseconds.
    private func send(_ line: [UInt8], _ patience: Int32) -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&poller, 1, patience) == 1, Int32(poller.revents) & POLLOUT != 0 else { return false }
        // SAFETY: the array is alive and unchanged inside the closure.
        return unsafe line.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = unsafe Glibc.write(descriptor, bytes.baseAddress! + sent, bytes.count - sent)
                if count > 0 {
                    sent += count
                } else if count < 0 && errno == EINTR {
                    continue
                } else {
                    return false
                }
            }
            return true
        }
    }
}

/// A fault that may repeat many times a second, and whose lines are limited to one per interval.
///
/// One object for each place in the code (or each peer) that reports it. Any thread.
package final class RepeatedFault: Sendable {
    private let interval: Int
    /// Monotonic nanoseconds before which nothing is written.
    private let silentUntil = Atomic<Int>(Int.min)
    private let suppressed = Atomic<Int>(0)

    package init(every interval: Duration = .seconds(10)) {
        let (seconds, attoseconds) = min(max(interval, .zero), .seconds(86_400)).components
        self.interval = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }

    /// The number of lines left out since the last, or nil where this one is to be left out.
    func admit() -> Int? {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let now = time.tv_sec * 1_000_000_000 + time.tv_nsec
        let until = silentUntil.load(ordering: .relaxed)
        if now < until
            || !silentUntil.compareExchange(expected: until, desired: now + interval, ordering: .relaxed).exchanged
        {
            suppressed.wrappingAdd(1, ordering: .relaxed)
            return nil
        }
        return suppressed.exchange(0, ordering: .relaxed)
    }
}
