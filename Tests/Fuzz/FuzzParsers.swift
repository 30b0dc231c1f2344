// SPDX-License-Identifier: Apache-2.0

import Glibc

/// libFuzzer's own driver (compiler-rt, `FuzzerInterface.h`).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// The program: the package manager links an executable's `main` under this name.
///
/// The environment's FUZZ_TARGET names the parser; `Tests/Fuzz/run` runs them all. With FUZZ_SEEDS the program writes the
/// target's seed inputs into that folder and ends. A target must not trap, hang, leak or read outside of its input,
/// whatever the bytes are. What it returns is of no interest here: correctness is for the tests of each module.
@_cdecl("fuzz_parsers_main")
func fuzzMain(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
    guard let target = FuzzTarget.chosen else {
        print("FUZZ_TARGET must be one of: \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        return 2
    }
    if let folder = environment("FUZZ_SEEDS") {
        for (number, seed) in target.seeds().enumerated() { write(seed, to: "\(folder)/seed-\(number)") }
        return 0
    }
    var count = count
    var arguments = unsafe arguments
    // SAFETY: both are the process's own and outlive the driver, which may rearrange them.
    return unsafe runDriver(&count, &arguments, testOneInput)
}

/// Called by libFuzzer with each input.
@_cdecl("orizuru_fuzz_one_input")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    // A copy of exactly the input's size, so that the address sanitizer sees a read behind it.
    // SAFETY: libFuzzer hands `count` readable bytes.
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    FuzzTarget.chosen?.run(bytes)
    return 0
}

/// A parser that is fuzzed.
struct FuzzTarget: Sendable {
    let name: String
    /// Feeds one input to the parser.
    let run: @Sendable ([UInt8]) -> Void
    /// Valid inputs to start from.
    let seeds: @Sendable () -> [[UInt8]]

    static let all: [FuzzTarget] = [
        .lz4, .pack, .bundle, .jpeg, .png, .dzi, .json, .header, .request, .family, .archive, .gzip, .coding, .canary,
    ]

    static let chosen: FuzzTarget? = environment("FUZZ_TARGET").flatMap { name in all.first { $0.name == name } }
}

/// A variable of the environment.
func environment(_ name: String) -> String? {
    // SAFETY: the environment is not changed by this program; the string is copied.
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

private func write(_ bytes: [UInt8], to path: String) {
    guard let file = unsafe fopen(path, "wb") else { return }
    // SAFETY: the array lives through the call; the stream is closed once.
    unsafe bytes.withUnsafeBytes { buffer in _ = unsafe fwrite(buffer.baseAddress, 1, buffer.count, file) }
    _ = unsafe fclose(file)
}
