"""The configuration of each server, with the hardening that its own makers recommend.

Fields of the texts: address, plain, tls, origin, console (ports), folder (a temporary folder).
The numbers for limits (100 connections and 20 requests a second for an address) are the same for both peers, and are
far above what an honest client of this laboratory does.
"""

# "Mitigating DDoS Attacks with NGINX and NGINX Plus" (nginx blog): limit_req, limit_conn, short
# client_header_timeout and client_body_timeout, keepalive to the origin.
# "HTTP/2 Rapid Reset Attack Impacting NGINX Products" (nginx blog, CVE-2023-44487): keepalive_requests at its default
# of 1000, http2_max_concurrent_streams not above 128, limit_conn and limit_req.
# large_client_header_buffers, send_timeout, keepalive_timeout: ngx_http_core_module (nginx.org reference).
# "Rate Limiting with NGINX" (nginx blog): burst with nodelay, so that a browser's burst does not wait.
NGINX = """
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    client_header_timeout 10s;
    client_body_timeout 10s;
    send_timeout 10s;
    keepalive_timeout 15s;
    large_client_header_buffers 4 8k;
    http2_max_concurrent_streams 100;

    limit_conn_zone $binary_remote_addr zone=connections:10m;
    limit_conn_status 429;
    limit_req_zone $binary_remote_addr zone=requests:10m rate=20r/s;
    limit_req_status 429;

    # WebSockets: "NGINX as a WebSocket Proxy" (nginx blog).
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream app {{ server 127.0.0.1:{origin}; keepalive 64; }}
    server {{
        listen {address}:{plain} backlog=4096;
        listen {address}:{tls} ssl {http2_on_listen} backlog=4096;
        {http2_line}
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_session_cache shared:tls:10m;
        location / {{
            limit_conn connections 100;
            limit_req zone=requests burst=40 nodelay;
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""

# "Application-Layer DDoS Attack Protection With HAProxy" (haproxy.com blog): timeout http-request, a stick table by
# source with http_req_rate and conn_cur, deny with 429, reject connections before they cost anything.
# Configuration manual, "option http-buffer-request": with "timeout http-request" it covers slow request bodies too.
# Configuration manual, "timeout tunnel": WebSockets need a timeout of their own.
# Configuration manual, "tune.h2.*": defaults (100 streams, windows of 64 KiB), and "tune.h2.fe.glitches-threshold"
# from 3.0 on, which is off by default and recommended against misbehaving HTTP/2 clients.
HAPROXY = """
global
    maxconn 4096
    nbthread 2
    {glitches}

defaults
    mode http
    option http-buffer-request
    http-reuse safe
    timeout http-request 10s
    timeout client 15s
    timeout http-keep-alive 15s
    timeout connect 5s
    timeout server 30s
    timeout queue 10s
    timeout tunnel 1h

frontend doors
    bind {address}:{plain} backlog 4096
    bind {address}:{tls} backlog 4096 ssl crt {folder}/both.pem alpn h2,http/1.1
    stick-table type ip size 100k expire 30s store conn_cur,conn_rate(10s),http_req_rate(10s)
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc_conn_cur(0) gt 100 }}
    tcp-request connection reject if {{ sc_conn_rate(0) gt 200 }}
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 200 }}
    option forwardfor
    default_backend app

backend app
    server app 127.0.0.1:{origin} maxconn 512 pool-max-conn 64
"""

# Everything at its default; what is written here is what a configuration must say, and where a WebSocket may be
# opened (the peers allow it everywhere).
PORTCULLIS = """
[[listen]]
address = "{address}:{plain}"

[[listen]]
address = "{address}:{tls}"
[listen.tls]
[[listen.tls.certificate]]
chain = "{folder}/chain.pem"
key = "{folder}/key.pem"

[[site]]
mode = "auto"
[[site.origin]]
url = "http://127.0.0.1:{origin}"
[[site.route]]
path = "/ws"
websocket = true

[state]
dir = "{folder}/state"

[console]
address = "{address}:{console}"
"""
