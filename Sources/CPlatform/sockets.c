// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/platform_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Fills `storage` from a numeric address. Returns its length, or 0 where the text is not an address.
static socklen_t resolve(const char *address, uint16_t port, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

int platform_listen(const char *address, uint16_t port, int reuse_port, int unsent_low_water) {
    struct sockaddr_storage storage;
    socklen_t length = resolve(address, port, &storage);
    if (length == 0) return -EINVAL;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    // The kernel clips the backlog to net.core.somaxconn; SOMAXCONN of the headers may be the old, smaller number.
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0
        || (reuse_port && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        || set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0
        || set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_low_water) < 0
        || (storage.ss_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
        || bind(fd, (struct sockaddr *)&storage, length) < 0 || listen(fd, 65535) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int prepare_unix(const char *path, struct sockaddr_un *address) {
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(address->sun_path, path);
    return 0;
}

int platform_listen_unix(const char *path, uint32_t mode) {
    struct sockaddr_un address;
    int code = prepare_unix(path, &address);
    if (code < 0) return code;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(path, mode) < 0 || listen(fd, 65535) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int platform_unix_is_stale(const char *path) {
    struct sockaddr_un address;
    struct stat status;
    if (prepare_unix(path, &address) < 0 || lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode)) return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    int code = connect(fd, (struct sockaddr *)&address, sizeof address);
    int stale = code < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

int platform_connect_unix(const char *path) {
    struct sockaddr_un address;
    int code = prepare_unix(path, &address);
    if (code < 0) return code;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int platform_adopt_listener(int fd) {
    int listens = 0;
    socklen_t length = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0) return -errno;
    if (!listens) return -EINVAL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
    return 0;
}

void platform_tune_listener(int fd, int unsent_low_water) {
    // Both fail on a Unix socket, which needs neither.
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_low_water);
}

static void store_v4(struct in_addr address, struct platform_peer *peer) {
    peer->high = 0;
    peer->low = 0xFFFF00000000ull | ntohl(address.s_addr);
}

static void store_v6(const struct in6_addr *address, struct platform_peer *peer) {
    peer->high = peer->low = 0;
    for (int i = 0; i < 8; i++) {
        peer->high = peer->high << 8 | address->s6_addr[i];
        peer->low = peer->low << 8 | address->s6_addr[i + 8];
    }
}

int platform_parse_address(const char *text, struct platform_peer *peer) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) return store_v4(v4, peer), 0;
    if (inet_pton(AF_INET6, text, &v6) == 1) return store_v6(&v6, peer), 0;
    return -EINVAL;
}

void platform_write_address(const struct platform_peer *peer, char *text, size_t capacity) {
    text[0] = 0;
    if (peer->high == 0 && peer->low >> 32 == 0xFFFF) {
        struct in_addr v4 = {.s_addr = htonl((uint32_t)peer->low)};
        inet_ntop(AF_INET, &v4, text, (socklen_t)capacity);
        return;
    }
    struct in6_addr v6;
    for (int i = 0; i < 8; i++) {
        v6.s6_addr[i] = (uint8_t)(peer->high >> (56 - 8 * i));
        v6.s6_addr[i + 8] = (uint8_t)(peer->low >> (56 - 8 * i));
    }
    inet_ntop(AF_INET6, &v6, text, (socklen_t)capacity);
}

int platform_bound_port(int fd) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0) return -errno;
    if (storage.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
    return 0;
}

int platform_accept(int listener, struct platform_peer *peer) {
    struct sockaddr_storage storage;
    for (;;) {
        socklen_t length = sizeof storage;
        int fd = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            return -errno;
        }
        *peer = (struct platform_peer){0};
        if (storage.ss_family == AF_INET) {
            struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
            store_v4(v4->sin_addr, peer);
            peer->port = ntohs(v4->sin_port);
        } else if (storage.ss_family == AF_INET6) {
            struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
            store_v6(&v6->sin6_addr, peer);
            peer->port = ntohs(v6->sin6_port);
        }
        return fd;
    }
}

int platform_refuse_handshakes(int listener) {
    // Drops what asks for a new connection (the flag SYN in byte 13 of the TCP header, where a socket's filter begins to
    // read) and lets pass what completes one that was promised: its client believes itself connected.
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x02),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

ssize_t platform_receive(int fd, void *buffer, size_t capacity) {
    for (;;) {
        ssize_t count = recv(fd, buffer, capacity, 0);
        if (count >= 0) return count;
        if (errno != EINTR) return -errno;
    }
}

static ssize_t send_bytes(int fd, const void *bytes, size_t count, int flags) {
    for (;;) {
        ssize_t sent = send(fd, bytes, count, flags);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

ssize_t platform_send(int fd, const void *bytes, size_t count) { return send_bytes(fd, bytes, count, MSG_NOSIGNAL); }

ssize_t platform_send_before_file(int fd, const void *bytes, size_t count) {
    return send_bytes(fd, bytes, count, MSG_NOSIGNAL | MSG_MORE);
}

ssize_t platform_send_parts(
    int fd, const void *a, size_t a_count, const void *b, size_t b_count, const void *c, size_t c_count
) {
    struct iovec parts[3];
    int count = 0;
    if (a_count > 0) parts[count++] = (struct iovec){.iov_base = (void *)a, .iov_len = a_count};
    if (b_count > 0) parts[count++] = (struct iovec){.iov_base = (void *)b, .iov_len = b_count};
    if (c_count > 0) parts[count++] = (struct iovec){.iov_base = (void *)c, .iov_len = c_count};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    for (;;) {
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

ssize_t platform_send_file(int fd, int file, int64_t offset, size_t count) {
    for (;;) {
        off_t position = (off_t)offset;
        ssize_t sent = sendfile(fd, file, &position, count);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

int platform_file_is_resident(int file, int64_t offset) {
    char byte;
    struct iovec place = {.iov_base = &byte, .iov_len = 1};
    // Other errors, among them those of file systems that do not know the flag, are for the call that sends.
    return preadv2(file, &place, 1, (off_t)offset, RWF_NOWAIT) < 0 && errno == EAGAIN ? 0 : 1;
}

int platform_file_is_unchanged(int file, int64_t size, int64_t modified_ns) {
    struct stat status;
    if (fstat(file, &status) < 0) return 0;
    return status.st_size == size && status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec == modified_ns;
}

void platform_file_will_need(int file, int64_t offset, size_t count) {
    posix_fadvise(file, (off_t)offset, (off_t)count, POSIX_FADV_WILLNEED);
}

int platform_queued_output(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) < 0 ? 0 : count;
}

void platform_reset_on_close(int fd) {
    struct linger option = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof option);
}

int platform_shutdown_writing(int fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }

void platform_close(int fd) { close(fd); }

int platform_connect(const char *address, uint16_t port) {
    struct sockaddr_storage storage;
    socklen_t length = resolve(address, port, &storage);
    if (length == 0) return -EINVAL;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&storage, length) < 0 || set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int64_t platform_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}
