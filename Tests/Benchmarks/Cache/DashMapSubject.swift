// SPDX-License-Identifier: Apache-2.0

import Glibc
import TileModel

/// DashMap with ahash, from the library that `dashmap/build` makes. See dashmap/src/lib.rs for what is measured.
@safe
final class DashMapLibrary: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// Nil where the library is not there.
    init?(path: String) {
        guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
        unsafe self.handle = handle
    }

    /// SAFETY: `Function` is the C type of what the library has under this name.
    func function<Function>(_ name: String, as type: Function.Type) -> Function {
        guard let symbol = unsafe dlsym(handle, name) else { preconditionFailure("the DashMap peer has no \(name)") }
        return unsafe unsafeBitCast(symbol, to: type)
    }
}

@safe
final class DashMapSubject: Subject, Runner, @unchecked Sendable {
    typealias Make = @convention(c) (Int) -> UnsafeMutableRawPointer
    typealias Free = @convention(c) (UnsafeMutableRawPointer) -> Void
    typealias Get = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> UInt64
    typealias Set = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int, UnsafeRawPointer, Int) -> Void

    let name: String
    private let map: UnsafeMutableRawPointer
    private let freeMap: Free
    private let getBatch: Get
    private let setBatch: Set

    init(_ library: DashMapLibrary, counted: Bool, capacity: Int) {
        let suffix = counted ? "counted" : "borrowed"
        name = "DashMap + ahash, \(suffix)"
        unsafe map = library.function("peer_make_\(suffix)", as: Make.self)(capacity)
        unsafe freeMap = library.function("peer_free_\(suffix)", as: Free.self)
        unsafe getBatch = library.function("peer_get_\(suffix)", as: Get.self)
        unsafe setBatch = library.function("peer_set_\(suffix)", as: Set.self)
    }

    deinit { unsafe freeMap(map) }

    func makeRunner() -> any Runner { self }

    // SAFETY: a TileKey is two words, `high` first, as the library's Key is.
    func get(_ keys: UnsafeBufferPointer<TileKey>) -> UInt64 {
        unsafe getBatch(map, UnsafeRawPointer(keys.baseAddress!), keys.count)
    }

    func set(_ keys: UnsafeBufferPointer<TileKey>, _ payload: UnsafeMutableRawBufferPointer) {
        unsafe setBatch(map, UnsafeRawPointer(keys.baseAddress!), keys.count, payload.baseAddress!, payload.count)
    }
}
