// SPDX-License-Identifier: Apache-2.0
//
// Stream sockets. Sending never raises SIGPIPE; every function returns a negative errno where it fails.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// Who is at the other end: IPv6 or IPv4-mapped bytes in network order. All zero for a Unix socket.
struct platform_peer {
    uint64_t high;
    uint64_t low;
    uint16_t port;
};

/// Opens a listening TCP socket on a numeric IPv4 or IPv6 address, non-blocking, without Nagle's delay (accepted sockets
/// inherit that), with the longest backlog that the system allows. `unsent_low_water` bounds in bytes what the kernel
/// queues per connection beyond what is in flight. -EINVAL: the address is not numeric.
int platform_listen(
    const char *_Nonnull address, uint16_t port, int reuse_port, int unsent_low_water
);
/// Opens a listening Unix socket, non-blocking; `mode`: the permissions of its file. -EADDRINUSE: the file is there.
int platform_listen_unix(const char *_Nonnull path, uint32_t mode);
/// Whether `path` is a Unix socket that nobody answers any more.
int platform_unix_is_stale(const char *_Nonnull path);
/// Takes over a descriptor that listens already: makes it non-blocking and closed on exec. -EINVAL: it does not listen.
int platform_adopt_listener(int fd);
/// Gives a listener of another maker the options of `platform_listen` that matter per connection, where it has them.
void platform_tune_listener(int fd, int unsent_low_water);
/// Reads a numeric IPv4 or IPv6 address; 0, or -EINVAL.
int platform_parse_address(const char *_Nonnull text, struct platform_peer *_Nonnull peer);
/// Writes an address as people do, with a final zero; `capacity` at least 46.
void platform_write_address(const struct platform_peer *_Nonnull peer, char *_Nonnull text, size_t capacity);
/// The port that a socket is bound to, or a negative errno.
int platform_bound_port(int fd);
/// Accepts one connection, non-blocking and closed on exec; -EAGAIN when none waits.
int platform_accept(int listener, struct platform_peer *_Nonnull peer);
/// Makes a listener drop new handshakes; those that were begun may complete, and be accepted.
int platform_refuse_handshakes(int listener);

/// Receives up to `capacity` bytes; 0 at the end of the stream.
ssize_t platform_receive(int fd, void *_Nonnull buffer, size_t capacity);
/// Sends bytes from one place.
ssize_t platform_send(int fd, const void *_Nonnull bytes, size_t count);
/// Sends bytes from up to three places, in order; a part may be empty.
ssize_t platform_send_parts(
    int fd, const void *_Nullable a, size_t a_count, const void *_Nullable b, size_t b_count, const void *_Nullable c,
    size_t c_count
);
/// Sends bytes that a part of a file follows at once: they may share a packet.
ssize_t platform_send_before_file(int fd, const void *_Nonnull bytes, size_t count);
/// Sends `count` bytes of a file from `offset` without copying them through the process.
ssize_t platform_send_file(int fd, int file, int64_t offset, size_t count);
/// Whether the byte of a file at `offset` can be read without waiting for the disk; 1 also where that cannot be told.
int platform_file_is_resident(int file, int64_t offset);
/// Whether a file still has this size and this time of its last change, in nanoseconds since 1970.
int platform_file_is_unchanged(int file, int64_t size, int64_t modified_ns);
/// Has the kernel begin to read a part of a file into memory.
void platform_file_will_need(int file, int64_t offset, size_t count);
/// Announces the end of what is sent.
int platform_shutdown_writing(int fd);

// How many sent bytes the peer has not acknowledged yet; 0 where that is not known.
int platform_queued_output(int fd);
/// Has closing the connection throw away what the peer has not taken, and reset it: the kernel would keep trying.
void platform_reset_on_close(int fd);
/// Closes a descriptor, once: after EINTR it is closed as well (Linux).
void platform_close(int fd);

/// Opens a blocking TCP connection to a numeric address.
int platform_connect(const char *_Nonnull address, uint16_t port);
/// Opens a blocking connection to a Unix socket.
int platform_connect_unix(const char *_Nonnull path);
/// How many descriptors this process may have open.
int64_t platform_descriptor_limit(void);
