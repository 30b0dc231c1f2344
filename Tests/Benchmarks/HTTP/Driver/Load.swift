// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// One server under load.
struct Contender {
    let name: String
    let process: ServerProcess
    let url: String
}

/// What one run of wrk gave.
struct Run {
    var requests = 0.0
    var requestsPerSecond = 0.0
    var p50 = ""
    var p99 = ""
    var faults = ""
    var microsecondsPerRequest = 0.0
}

func load(_ contender: Contender, connections: Int, seconds: Int, fields: [String] = []) throws -> Run {
    let before = processorMicroseconds(contender.process.identifier)
    let output = try run(
        "/usr/bin/wrk",
        ["-t1", "-c\(connections)", "-d\(seconds)s", "--latency"] + fields.flatMap { ["-H", $0] } + [contender.url]
    )
    let after = processorMicroseconds(contender.process.identifier)
    var result = Run()
    for line in output.split(separator: "\n") {
        let words = line.split(separator: " ")
        if line.contains("requests in") { result.requests = Double(words[0]) ?? 0 }
        if line.contains("Requests/sec") { result.requestsPerSecond = Double(words[1]) ?? 0 }
        if words.first == "50%" { result.p50 = String(words[1]) }
        if words.first == "99%" { result.p99 = String(words[1]) }
        if line.contains("Socket errors") || line.contains("Non-2xx") { result.faults += line }
    }
    result.microsecondsPerRequest = (after - before) / result.requests
    return result
}

func startNginx(folder: String) throws -> Contender? {
    guard let nginx = path(of: "nginx") else { return nil }
    // A port that was free a moment ago.
    let probe = try ServerProcess("hello-server", ["0"])
    let port = try probe.waitUntilListening()
    probe.signal(SIGKILL)
    _ = probe.waitForExit()
    let configuration = """
        worker_processes 2;
        pid \(folder)/nginx.pid;
        error_log \(folder)/error.log;
        daemon off;
        events { worker_connections 4096; }
        http {
            access_log off;
            sendfile on;
            tcp_nopush on;
            open_file_cache max=100;
            keepalive_requests 1000000000;
            client_body_temp_path \(folder)/body;
            proxy_temp_path \(folder)/proxy;
            fastcgi_temp_path \(folder)/fastcgi;
            uwsgi_temp_path \(folder)/uwsgi;
            scgi_temp_path \(folder)/scgi;
            types { image/jpeg jpg; }
            server { listen 127.0.0.1:\(port); root \(folder)/www; }
        }
        """
    write(configuration.utf8, to: folder + "/nginx.conf")
    let process = try ServerProcess(nginx, ["-p", folder, "-c", folder + "/nginx.conf", "-g", "user root;"])
    for _ in 0..<500 {
        if (try? HTTPClient.get(port: port, "/tile.jpg"))?.status == 200 {
            return Contender(name: "nginx", process: process, url: "http://127.0.0.1:\(port)/tile.jpg")
        }
        usleep(10_000)
    }
    say("bench-http: nginx does not serve: \(process.errors)")
    return nil
}
