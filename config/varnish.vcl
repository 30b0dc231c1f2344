vcl 4.1;
# Varnish in front of several Orizuru servers: a cache in memory, and each family of tiles to one server.
# Tested as it stands here with Varnish 7.1 (Tests/orizuruTests/EndToEnd/FrontCacheTests.swift); change the backends.
#
#     varnishd -f /etc/varnish/orizuru.vcl -a :8000 -s malloc,4G

import directors;
import std;

probe ready {
    .url = "/readyz";
    .interval = 2s;
    .timeout = 1s;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}
backend one { .host = "127.0.0.1"; .port = "8080"; .probe = ready; }
backend two { .host = "127.0.0.1"; .port = "8081"; .probe = ready; }

sub vcl_init {
    new orizuru = directors.shard();
    orizuru.add_backend(one);
    orizuru.add_backend(two);
    orizuru.reconfigure();
}

# All tiles below one tile of level 10 (or of a coarser level: themselves) have one key. Families begin at level 10 or finer on
# slides of more than 1024 pixels a side, so a family is never split.
sub family {
    set req.http.X-Family = req.url;
    if (req.url ~ "^/(dzi/[^/]+_files|tiles/[^/]+)/[0-9]+/[0-9]+[_/][0-9]+(\.[a-z@0-9]+)?(\?.*)?$") {
        set req.http.X-Id = regsub(req.url, "^/(dzi/([^/]+)_files|tiles/([^/]+))/.*$", "\2\3");
        set req.http.X-Level = regsub(req.url, "^/[^/]+/[^/]+/([0-9]+)/.*$", "\1");
        set req.http.X-X = regsub(req.url, "^/[^/]+/[^/]+/[0-9]+/([0-9]+)[_/].*$", "\1");
        set req.http.X-Y = regsub(req.url, "^/[^/]+/[^/]+/[0-9]+/[0-9]+[_/]([0-9]+).*$", "\1");
        # x >> (level - 10), in the steps that VCL's whole numbers allow.
        if (std.integer(req.http.X-Level, 0) >= 18) {
            set req.http.X-X = std.integer(req.http.X-X, 0) / 256;
            set req.http.X-Y = std.integer(req.http.X-Y, 0) / 256;
            set req.http.X-Level = std.integer(req.http.X-Level, 0) - 8;
        }
        if (std.integer(req.http.X-Level, 0) >= 14) {
            set req.http.X-X = std.integer(req.http.X-X, 0) / 16;
            set req.http.X-Y = std.integer(req.http.X-Y, 0) / 16;
            set req.http.X-Level = std.integer(req.http.X-Level, 0) - 4;
        }
        if (std.integer(req.http.X-Level, 0) >= 12) {
            set req.http.X-X = std.integer(req.http.X-X, 0) / 4;
            set req.http.X-Y = std.integer(req.http.X-Y, 0) / 4;
            set req.http.X-Level = std.integer(req.http.X-Level, 0) - 2;
        }
        if (std.integer(req.http.X-Level, 0) >= 11) {
            set req.http.X-X = std.integer(req.http.X-X, 0) / 2;
            set req.http.X-Y = std.integer(req.http.X-Y, 0) / 2;
        }
        set req.http.X-Family = req.http.X-Id + "/" + req.http.X-X + "/" + req.http.X-Y;
        unset req.http.X-Id;
        unset req.http.X-Level;
        unset req.http.X-X;
        unset req.http.X-Y;
    }
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.url ~ "^/(metrics|healthz|readyz)$") {
        return (pass);
    }
    unset req.http.Cookie;
    return (hash);
}

sub vcl_backend_fetch {
    # The key was made for the client's request; the server need not see it.
    unset bereq.http.X-Family;
}

sub vcl_hash {
    call family;
    set req.backend_hint = orizuru.backend(by = KEY, key = orizuru.key(req.http.X-Family));
    hash_data(req.url);
    return (lookup);
}

sub vcl_backend_response {
    # While a server renders or is away, browsers get what there is for a while.
    set beresp.grace = 1h;
    if (beresp.status >= 500) {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
    }
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Front-Cache = "HIT";
    } else {
        set resp.http.X-Front-Cache = "MISS";
    }
}
