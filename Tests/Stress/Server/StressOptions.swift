// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport

/// The options, as given.
struct StressOptions: Sendable {
    var seconds = 10
    var tilesets = SharedData.packageRoot.appending(path: "tiles-sample").path
    var isCanary = false

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--seconds": seconds = rest.popFirst().flatMap { Int($0) } ?? seconds
            case "--tilesets": tilesets = rest.popFirst() ?? tilesets
            case "--racy-canary": isCanary = true
            default:
                print("stress-server: unknown option \(argument)")
                exit(2)
            }
        }
    }
}
