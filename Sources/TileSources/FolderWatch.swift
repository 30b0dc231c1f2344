// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// Watches folders for names that come into them (inotify(7)), and says whether any has come. Events are not read: one is
/// enough to know that something changed, and the watch is replaced then. Any thread; closed with its last reference.
final class FolderWatch: Sendable {
    private let descriptor: Int32

    init() throws(PresenceUnknown) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw PresenceUnknown("inotify: error \(errno)", isForGood: true) }
    }

    deinit { close(descriptor) }

    /// Watches a folder (links are followed): names that appear in it, and the folder itself going away.
    func add(_ path: String) throws(PresenceUnknown) {
        let mask = UInt32(IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
        guard unsafe inotify_add_watch(descriptor, path, mask) < 0 else { return }
        let code = errno
        throw PresenceUnknown(
            code == ENOSPC ? "no more folders may be watched (fs.inotify.max_user_watches)" : "\(path): error \(code)",
            isForGood: code == ENOSPC || code == ENOMEM
        )
    }

    /// Whether something changed. One system call, no file access. An error counts as a change.
    var hasEvents: Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&item, 1, 0) != 0
    }

    /// Whether the file system is one that this kernel alone writes, so that it knows of every change.
    static func reportsChanges(of path: String) -> Bool {
        local.contains(unsafe platform_file_system_type(path))
    }

    /// Their numbers, by linux/magic.h and the file systems' sources.
    private static let local: Set<Int64> = [
        0xEF53,  // ext2, ext3, ext4
        0x5846_5342,  // XFS
        0x9123_683E,  // Btrfs
        0x0102_1994,  // tmpfs
        0x794C_7630,  // overlayfs
        0x2FC1_2FC1,  // ZFS
        0xF2F5_2010,  // F2FS
        0xCA45_1A4E,  // bcachefs
        0x7371_7368,  // SquashFS
        0xE0F5_E1E2,  // EROFS
        0x4D44,  // FAT
        0x2011_BAB0,  // exFAT
        0x9660,  // ISO 9660
    ]
}
