// SPDX-License-Identifier: Apache-2.0
//
// bare-loop FILE: the least that a server of one answer can do. One thread, an edge-triggered epoll; each request costs a
// recv, which is not looked at, and a sendmsg of a head and the file's bytes from memory. No parser, no routes, no cache,
// no deadlines. What it costs is what the kernel costs on a machine: a floor for other figures, and no server.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char head[512];
static char body[1 << 20];
static struct iovec answer[2];
static char request[65536];

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static int listen_anywhere(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0) give_up("listening");
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) give_up("epoll_ctl");
}

int main(int count, char **arguments) {
    FILE *file = count > 1 ? fopen(arguments[1], "r") : NULL;
    if (file == NULL) give_up("bare-loop FILE");
    answer[1] = (struct iovec){body, fread(body, 1, sizeof body, file)};
    fclose(file);
    // As many bytes as a tile's fields take.
    int head_count = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: public, max-age=3600\r\n"
        "Access-Control-Allow-Origin: *\r\nTiming-Allow-Origin: *\r\nCache-Status: bare-loop; hit\r\n"
        "Content-Type: image/jpeg\r\nAccept-Ranges: bytes\r\nContent-Length: %zu\r\n\r\n",
        answer[1].iov_len
    );
    answer[0] = (struct iovec){head, (size_t)head_count};
    ssize_t whole = (ssize_t)(answer[0].iov_len + answer[1].iov_len);

    int listener = listen_anywhere(), epoll = epoll_create1(0);
    watch(epoll, listener, EPOLLIN);
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client >= 0) watch(epoll, client, EPOLLIN | EPOLLRDHUP | EPOLLET);
                continue;
            }
            ssize_t received = recv(fd, request, sizeof request, 0);
            if (received < 0 && errno == EAGAIN) continue;
            struct msghdr message = {.msg_iov = answer, .msg_iovlen = 2};
            // A socket that takes less than the whole is none of a floor's business.
            if (received <= 0 || sendmsg(fd, &message, MSG_NOSIGNAL) != whole) close(fd);
        }
    }
}
