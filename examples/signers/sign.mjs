#!/usr/bin/env node
// Signs a JSON document by Standard Webhooks and posts it. Needs Node.js 18 or later, no packages.
//
//   WEBHOOK_SECRET=whsec_... sign.mjs URL [FILE]
//
// Without FILE, or with -, the document is read from standard input. Prints the answer's status,
// then its body. Exits with 0 if the status is 2xx, 1 if it is another or nobody answered, 2 if
// nothing was sent.

import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

function fail(problem, code = 2) {
  console.error(`sign.mjs: ${problem}`);
  process.exit(code);
}

const [url, file = "-", ...more] = process.argv.slice(2);
if (!url || more.length > 0) fail("usage: WEBHOOK_SECRET=whsec_... sign.mjs URL [FILE]");

if (!process.env.WEBHOOK_SECRET) fail("WEBHOOK_SECRET is not set");
// The key is the bytes behind the prefix. Buffer skips what is not base64 and says nothing.
const secret = process.env.WEBHOOK_SECRET.replace(/^whsec_/, "");
const key = Buffer.from(secret, "base64");
if (key.length === 0 || key.toString("base64") !== secret)
  fail("WEBHOOK_SECRET is not base64, with or without whsec_");

// What is signed must be what is sent, byte for byte.
const reading = file === "-" ? buffer(process.stdin) : readFile(file);
const document = await reading.catch((error) => fail(`cannot read ${file}: ${error.message}`));

const id = `msg_${randomUUID().replaceAll("-", "")}`;
const timestamp = String(Math.floor(Date.now() / 1000));
const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(document);

try {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${mac.digest("base64")}`,
    },
    body: document,
    // A redirect would become a GET without the document, and its 200 look like success.
    redirect: "manual",
    signal: AbortSignal.timeout(30_000),
  });
  console.log(`${answer.status}\n${await answer.text()}`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  fail(`no answer from ${url}: ${error.cause?.message || error.message}`, 1);
}
