// All clients in one thread, in JavaScript: Node's event loop calls back for each.
"use strict";
const net = require("node:net");

function timestamp() {
  return new Date().toISOString().replace("T", " ").replace("Z", "+00:00");
}

function serve(client) {
  const peer = `${client.remoteAddress}:${client.remotePort}`;
  console.log(`[+] Connected: ${peer}`);
  let pending = [];

  function reply(line) {
    const message = line.toString("utf8").trim();
    // A client that does not take its replies is not read from until it has.
    if (!client.write(`[${timestamp()}] Server got '${message}'\n`)) {
      client.pause();
    }
  }

  client.on("drain", () => client.resume());
  client.on("data", (chunk) => {
    let start = 0;
    for (let end; (end = chunk.indexOf(10, start)) !== -1; start = end + 1) {
      pending.push(chunk.subarray(start, end));
      reply(Buffer.concat(pending));
      pending = [];
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
    }
  });
  client.on("end", () => {
    if (pending.length > 0) {
      reply(Buffer.concat(pending));
    }
    client.end();
  });
  client.on("error", (error) => console.error(`${peer}: ${error.message}`));
  client.on("close", () => console.log(`[-] Disconnected: ${peer}`));
}

function refuse(address, reason) {
  console.error(`ex02: cannot listen on ${address}: ${reason}`);
  process.exit(1);
}

function main() {
  const address = process.argv[2] ?? "127.0.0.1:5000";
  const colon = address.lastIndexOf(":");
  const port = address.slice(colon + 1);
  if (colon === -1 || !/^\d+$/.test(port) || Number(port) > 65535) {
    refuse(address, "not HOST:PORT");
  }
  // The client's side may end before its replies are sent.
  const server = net.createServer({ allowHalfOpen: true }, serve);
  server.on("error", (error) => refuse(address, error.message));
  server.listen({ host: address.slice(0, colon), port: Number(port), backlog: 128 }, () => {
    const own = server.address();
    console.log(`Server listening on ${own.address}:${own.port}`);
  });
}

main();
