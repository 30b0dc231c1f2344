// SPDX-License-Identifier: Apache-2.0
//
// bench-parser FILE COUNT: parses the request in FILE as often as COUNT says. Tests/Benchmarks/Parser/run counts the
// instructions of it, and of Debian's libhttp-parser on the same bytes.

import Glibc
import HTTPMessages

let arguments = CommandLine.arguments
guard arguments.count == 3, let count = Int(arguments[2]), let file = unsafe fopen(arguments[1], "r") else {
    print("usage: bench-parser FILE COUNT")
    exit(2)
}
var request = [UInt8](repeating: 0, count: 65_535)
let byteCount = unsafe fread(&request, 1, request.count, file)
unsafe fclose(file)

let limits = RequestLimits()
var head = RequestHead()
var fields = 0
unsafe request.withUnsafeBytes { bytes in
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
    for _ in 0..<count {
        if case .complete = unsafe RequestParser.parse(bytes, limits: limits, into: &head) { fields &+= head.byteCount }
    }
}
guard fields == count * byteCount else {
    print("bench-parser: the request was not understood")
    exit(1)
}
