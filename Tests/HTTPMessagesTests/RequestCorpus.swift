// SPDX-License-Identifier: Apache-2.0

/// Requests to start from: what browsers, tools and proxies send, and the shapes of known attacks.
enum RequestCorpus {
    static let browser = """
        GET /tiles/slide/14/133/207.jpg?v=5f3a HTTP/1.1\r
        Host: slides.example.org:8080\r
        Connection: keep-alive\r
        sec-ch-ua-platform: "Linux"\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r
        sec-ch-ua: "Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"\r
        sec-ch-ua-mobile: ?0\r
        Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r
        Sec-Fetch-Site: same-origin\r
        Sec-Fetch-Mode: no-cors\r
        Sec-Fetch-Dest: image\r
        Referer: http://slides.example.org:8080/viewer/slide\r
        Accept-Encoding: gzip, deflate, br, zstd\r
        Accept-Language: en-GB,en;q=0.9\r
        If-None-Match: "9f86d081884c7d65", W/"2f77668a9dfbf8d5"\r
        Priority: u=1, i\r
        \r

        """

    static let all: [String] = [
        browser,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /a?b=c&d HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\nGET /next HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: GET\r\n"
            + "Access-Control-Request-Headers: x-a, x-b\r\n\r\n",
        "GET http://other.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET HTTPS://other?q HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , close\t,bar\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-99\r\nIf-Range: \"x\"\r\nIf-Match: *\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            + "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
            + "X-Forwarded-Host: b\r\nAuthorization: Bearer x\r\nX-Orizuru-Prewarm: low\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "GET / HTTP/1.7\r\nHost: a\r\n\r\n",
    ]
}
