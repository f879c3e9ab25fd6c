// An app that answers, counts what is uploaded, and echoes WebSocket messages of up to 125 bytes.
const http = require("http"), crypto = require("crypto");
const server = http.createServer({ keepAliveTimeout: 60000, requestTimeout: 0 }, (request, response) => {
  let bytes = 0;
  request.on("data", (piece) => { bytes += piece.length; });
  request.on("end", () => {
    const text = request.method === "GET" ? "hello" : String(bytes);
    response.setHeader("Content-Length", String(text.length));
    response.end(text);
  });
});
server.on("upgrade", (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let unread = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (piece) => {
    unread = Buffer.concat([unread, piece]);
    while (unread.length >= 6 && unread.length >= 6 + (unread[1] & 127)) {
      const length = unread[1] & 127, mask = unread.subarray(2, 6), text = unread.subarray(6, 6 + length);
      const plain = Buffer.from(text.map((byte, at) => byte ^ mask[at % 4]));
      socket.write(Buffer.concat([Buffer.from([unread[0], length]), plain]));
      unread = unread.subarray(6 + length);
    }
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
