// Writes one line for each complete request: METHOD target BODYBYTES.
const http = require("http"), fs = require("fs");
const [port, file] = [Number(process.argv[2]), process.argv[3]];
http.createServer({ keepAliveTimeout: 60000, maxHeaderSize: 65536 }, (request, response) => {
  let bytes = 0;
  request.on("data", (piece) => { bytes += piece.length; });
  request.on("end", () => {
    if (request.url !== "/ready") fs.appendFileSync(file, `${request.method} ${request.url} ${bytes}\n`);
    response.setHeader("Content-Length", "2");
    response.end("ok");
  });
}).listen(port, "127.0.0.1");
