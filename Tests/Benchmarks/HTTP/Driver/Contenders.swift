// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// One server under load.
struct Contender {
    let name: String
    let process: ServerProcess
    let url: String

    /// The path of the tile.
    var path: String { String(url.dropFirst("http://".count).drop { $0 != "/" }) }
    var port: UInt16 { UInt16(url.split(separator: ":")[2].prefix { $0.isNumber }) ?? 0 }
}

/// The servers that ours is compared with: those of them that are installed.
struct Peers {
    let folder: String
    /// The tile, as a file below `www`.
    let byteCount: Int

    func start() throws -> [Contender] {
        guard let nginx = try startNginx() else {
            say("bench-http: nginx is not installed: peers are SKIPPED (apt-get install nginx-light)")
            return []
        }
        return [nginx]
            + [
                try startNginx(fromMemory: true), try startH2O(), try startVarnish(behind: nginx), try startBareLoop(),
            ].compactMap { $0 }
    }

    /// nginx with what makes it fast: sendfile, and open files kept; or with the body in its configuration.
    func startNginx(fromMemory: Bool = false) throws -> Contender? {
        guard let nginx = path(of: "nginx") else { return nil }
        let port = try freePort()
        let name = fromMemory ? "nginx-mem" : "nginx"
        // A parameter of nginx holds at most 4 kB, so the body is put together from several.
        let parts = stride(from: 0, to: byteCount, by: 4000).map {
            String(repeating: "x", count: min(4000, byteCount - $0))
        }
        let sets = parts.enumerated().map { "set $p\($0.offset) \"\($0.element)\"; " }.joined()
        let body = parts.indices.map { "${p\($0)}" }.joined()
        let location =
            fromMemory
            ? "default_type image/jpeg; location / { \(sets) return 200 \"\(body)\"; }" : "root \(folder)/www;"
        let configuration = """
            worker_processes 2;
            pid \(folder)/\(name).pid;
            error_log \(folder)/\(name).log;
            daemon off;
            worker_rlimit_nofile 20000;
            events { worker_connections 16384; }
            http {
                access_log off;
                sendfile on;
                tcp_nopush on;
                open_file_cache max=100;
                keepalive_requests 1000000000;
                keepalive_timeout 600;
                client_body_temp_path \(folder)/body;
                proxy_temp_path \(folder)/proxy;
                fastcgi_temp_path \(folder)/fastcgi;
                uwsgi_temp_path \(folder)/uwsgi;
                scgi_temp_path \(folder)/scgi;
                types { image/jpeg jpg; }
                server { listen 127.0.0.1:\(port) backlog=16384; \(location) }
            }
            """
        write(configuration.utf8, to: folder + "/\(name).conf")
        return try contender(
            name,
            try ServerProcess(nginx, ["-p", folder, "-c", folder + "/\(name).conf", "-g", "user root;"]),
            port
        )
    }

    func startH2O() throws -> Contender? {
        guard let h2o = path(of: "h2o") else { return nil }
        let port = try freePort()
        let configuration = """
            user: root
            num-threads: 2
            max-connections: 16384
            http1-request-timeout: 600
            listen: {host: 127.0.0.1, port: \(port)}
            hosts: {default: {paths: {"/": {"file.dir": \(folder)/www}}}}
            """
        write(configuration.utf8, to: folder + "/h2o.conf")
        return try contender("h2o", try ServerProcess(h2o, ["-m", "worker", "-c", folder + "/h2o.conf"]), port)
    }

    func startVarnish(behind backend: Contender) throws -> Contender? {
        guard let varnish = path(of: "varnishd") else { return nil }
        let port = try freePort()
        return try contender(
            "varnish",
            try ServerProcess(
                varnish,
                [
                    "-F", "-a", "127.0.0.1:\(port)", "-b", "127.0.0.1:\(backend.port)", "-n", folder + "/varnish", "-t",
                    "3600",
                ]
            ),
            port
        )
    }

    private func contender(_ name: String, _ process: ServerProcess, _ port: UInt16) throws -> Contender? {
        for _ in 0..<500 {
            if (try? HTTPClient.get(port: port, "/tile.jpg"))?.status == 200 {
                return Contender(name: name, process: process, url: "http://127.0.0.1:\(port)/tile.jpg")
            }
            usleep(10_000)
        }
        say("bench-http: \(name) does not serve: \(process.errors.prefix(500))")
        return nil
    }

    /// What the kernel alone costs on this machine, at the least: epoll_wait, recv and sendmsg, and nothing else.
    func startBareLoop() throws -> Contender? {
        let program = ServerProcess.productsFolder + "/bare-loop"
        guard unsafe access(program, X_OK) == 0 else {
            say("bench-http: \(program) is not built: there is no floor in the table")
            return nil
        }
        let process = try ServerProcess(program, [folder + "/www/tile.jpg"])
        let port = try process.waitUntilListening()
        return Contender(name: "bare-loop", process: process, url: "http://127.0.0.1:\(port)/tile.jpg")
    }

    /// A port that was free a moment ago.
    private func freePort() throws -> UInt16 {
        let probe = try ServerProcess("hello-server", ["0"])
        let port = try probe.waitUntilListening()
        probe.signal(SIGKILL)
        _ = probe.waitForExit()
        return port
    }
}

/// Connections that are open and silent.
final class IdleConnections {
    private let clients: [HTTPClient]

    /// Opens `count` and asks once on each, so that the server has served them.
    init(_ count: Int, to contender: Contender) throws {
        var clients: [HTTPClient] = []
        for _ in 0..<count {
            let client = try HTTPClient(port: contender.port)
            try client.request("/", method: "HEAD")
            _ = try client.readAnswer(hasBody: false)
            clients.append(client)
        }
        self.clients = clients
    }

    var count: Int { clients.count }
}
