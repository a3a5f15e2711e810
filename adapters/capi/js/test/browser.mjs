// The page in a real browser, driven by WebDriver (https://www.w3.org/TR/webdriver2/): a file is dropped on it.
//
//   node browser.mjs FOLDER       with index.html, exportitems.js and exportitems.wasm in FOLDER
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

const [folder] = process.argv.slice(2);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

const server = createServer((request, response) => {
  const name = request.url === "/" ? "index.html" : request.url.slice(1);
  if (!["index.html", "exportitems.js", "exportitems.wasm"].includes(name)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": TYPES[extname(name)] }).end(readFileSync(join(folder, name)));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const profile = mkdtempSync(join(tmpdir(), "exportitems-browser-"));
const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
let session;
try {
  const port = await new Promise((resolve, reject) => {
    let printed = "";
    driver.stdout.on("data", (text) => {
      printed += text;
      const found = /started successfully on port (\d+)/.exec(printed);
      if (found) resolve(found[1]);
    });
    driver.on("error", reject);
    driver.on("exit", () => reject(new Error(`chromedriver ended: ${printed}`)));
  });
  const call = async (method, path, body) => {
    const options = { method, body: body && JSON.stringify(body) };
    const { value } = await (await fetch(`http://127.0.0.1:${port}${path}`, options)).json();
    if (value?.error) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  const args = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--user-data-dir=${profile}`,
  ];
  const started = await call("POST", "/session", { capabilities: { alwaysMatch: { "goog:chromeOptions": { args } } } });
  session = `/session/${started.sessionId}`;
  const close = () => call("DELETE", session);
  try {
    const run = (script, ...args) => call("POST", `${session}/execute/async`, { script, args });
    await call("POST", `${session}/url`, { url: `http://127.0.0.1:${server.address().port}/` });

    // Drops a file and waits for the summary.
    const drop = (document) => run(
      `const [document_, done] = arguments;
       const transfer = new DataTransfer();
       transfer.items.add(new File([document_], "response.xml"));
       const summary = document.querySelector("#summary");
       new MutationObserver((_, observer) => {
         if (!summary.textContent) return;
         observer.disconnect();
         const rows = [...document.querySelectorAll("#items tr")];
         done({ summary: summary.textContent, rows: rows.map((row) => [row.className, ...[...row.cells].map((cell) => cell.textContent)]) });
       }).observe(summary, { childList: true });
       document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));`,
      document,
    );
    const item = (data) => `<ExportItemsResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode><Data>${data}`;
    const end = "</Data></ExportItemsResponseMessage>";
    const start = "<Envelope><Body><ExportItemsResponse><ResponseMessages>";
    const whole = item("AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=") + end;
    const finish = "</ResponseMessages></ExportItemsResponse></Body></Envelope>";

    assert.deepEqual(await drop(start + whole + item("AA==") + end + finish), {
      summary: "complete: 2 items, 1 ok, 1 failed, 0 suspect",
      rows: [
        ["ok", "0", "ok", "whole", "NoError", "32", "item-0.fts"],
        ["failed", "1", "payload", "broken", "NoError", "1", ""],
      ],
    });
    const cut = start + whole + item("AQAAAAgA");
    assert.deepEqual(await drop(cut), {
      summary: `cut: 2 items, 1 ok, 1 failed, 0 suspect: the response ended before the document did (at byte ${cut.length})`,
      rows: [
        ["ok", "0", "ok", "whole", "NoError", "32", "item-0.fts"],
        ["failed", "1", "cut", "broken", "NoError", "6", ""],
      ],
    });
    // What is saved is the item.
    const saved = await run(
      `const done = arguments[0];
       fetch(document.querySelector("#items a").href).then((response) => response.arrayBuffer())
         .then((buffer) => done([...new Uint8Array(buffer)].slice(0, 5).concat(buffer.byteLength)));`,
    );
    assert.deepEqual(saved, [1, 0, 0, 0, 8, 32]);
    console.log(`the page in ${started.capabilities.browserName} ${started.capabilities.browserVersion}: as expected`);
  } finally {
    await close();
  }
} finally {
  driver.removeAllListeners("exit");
  driver.kill();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
