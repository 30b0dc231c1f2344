// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import LockFree

/// What of the machine this process may use: the defaults that are called `auto` come from it.
struct MachineFacts: Sendable, Equatable {
    /// Cores that this process may run on, 1 or more.
    let cores: Int
    /// Bytes of memory that this process may use.
    let memory: ByteCount

    /// Asks the system: the processors that the scheduler allows, the memory of the machine, and where a control
    /// group (version 2 or 1) allows less, what that allows.
    static func current() -> MachineFacts {
        let files = ProcFiles { path in
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
        }
        return MachineFacts(
            cores: max(1, min(OSThread.processorCount, files.coresOfControlGroups() ?? .max)),
            memory: files.memory() ?? .gibibytes(1)
        )
    }
}

/// Reads the limits out of the text files of the kernel. Pure but for the function that reads a file.
struct ProcFiles {
    /// The text of a file, or nil where it is absent or may not be read.
    let read: (String) -> String?

    /// The least of the machine's memory and of every limit on the way from our control group to its root.
    func memory() -> ByteCount? {
        let machine = read("/proc/meminfo").flatMap(Self.totalOfMemory)
        let limits = controlGroupFolders(controller: "memory").flatMap { folder in
            ["memory.max", "memory.limit_in_bytes"].compactMap { read("\(folder)/\($0)").flatMap(Self.integer) }
        }
        return ([machine].compactMap { $0 } + limits).min().flatMap { ByteCount(bytes: $0) }
    }

    /// Processor time that control groups allow, in whole cores rounded up; nil where they set no limit.
    func coresOfControlGroups() -> Int? {
        controlGroupFolders(controller: "cpu").compactMap { folder in
            if let text = read("\(folder)/cpu.max") { return Self.cores(quotaAndPeriod: text) }
            guard let quota = read("\(folder)/cpu.cfs_quota_us"), let period = read("\(folder)/cpu.cfs_period_us")
            else {
                return nil
            }
            return Self.cores(quotaAndPeriod: quota.filter { !$0.isNewline } + " " + period)
        }.min()
    }

    /// The folders of our control group and its ancestors, for version 2 and for one controller of version 1.
    private func controlGroupFolders(controller: String) -> [String] {
        var folders: [String] = []
        for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let roots: [String]
            if fields[1].isEmpty {
                roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
            } else if fields[1].split(separator: ",").contains(where: { $0 == controller }) {
                roots = ["/sys/fs/cgroup/\(controller)"]
            } else {
                continue
            }
            var names = fields[2].split(separator: "/")
            while true {
                folders += roots.map { ([$0] + names.map(String.init)).joined(separator: "/") }
                guard names.popLast() != nil else { break }
            }
        }
        return folders
    }

    /// `MemTotal:  24683596 kB` in bytes.
    static func totalOfMemory(_ text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("MemTotal:") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[2] == "kB", let kibibytes = Int(words[1]) else { return nil }
            let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
            return overflow || bytes <= 0 ? nil : bytes
        }
        return nil
    }

    /// A positive number alone in a file; `max` and what is beyond 63 bits set no limit.
    static func integer(_ text: String) -> Int? {
        Int(text.filter { !$0.isWhitespace }).flatMap { $0 > 0 ? $0 : nil }
    }

    /// `150000 100000` is 2 cores; `max 100000` and `-1 100000` are no limit.
    static func cores(quotaAndPeriod text: String) -> Int? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0 else {
            return nil
        }
        return max(1, quota / period + (quota % period == 0 ? 0 : 1))
    }
}
