// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What happens when a mapped input can no longer be read: somebody cut the file short, or its disk failed. The kernel
/// says so by SIGBUS, at the byte; there is nothing to go on with.
enum MappedInputFault {
    private static let message: StaticString =
        "orizuru: read the input: it became shorter while it was read, or its disk failed; start again\n"

    /// From now on SIGBUS ends the process with a message and exit code 1. What a build has written stays, to be gone on
    /// with. Only for commands that read inputs, never for the server, which maps nothing.
    static func install() {
        // Touched here, so that the handler finds it initialised.
        _ = message.utf8CodeUnitCount
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in
            // SAFETY: write(2) and _exit(2) may be called in a signal; the text is static.
            MappedInputFault.message.withUTF8Buffer { text in
                _ = unsafe write(STDERR_FILENO, text.baseAddress, text.count)
            }
            _exit(1)
        }
        // SAFETY: the action lives for the call.
        _ = unsafe sigaction(SIGBUS, &action, nil)
    }
}
