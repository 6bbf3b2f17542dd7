// Verifies by the official library what Pulse signed, a webhook a line of JSON, and prints what the library signs.
//
// It ends with an error at the first webhook that a right key doesn't verify, or that a wrong key or another body does. The
// library has no asymmetric signatures: Node's own Ed25519 stands in for it, by the words of the specification.
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder] = process.argv.slice(2);
const { Webhook, WebhookVerificationError } = createRequire(`${folder}/package.json`)("standardwebhooks");

const message = (body, headers) => Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
const base64url = (key) => Buffer.from(key.slice(key.indexOf("_") + 1), "base64").toString("base64url");

/** What is made of a key, made once. */
function once(make) {
  const made = new Map();
  return (key) => made.get(key.receiver) ?? made.set(key.receiver, make(key)).get(key.receiver);
}

const jwk = (key) => ({ kty: "OKP", crv: "Ed25519", x: base64url(key.receiver) });
const publicKey = once((key) => createPublicKey({ key: jwk(key), format: "jwk" }));
const privateKey = once((key) => createPrivateKey({ key: { ...jwk(key), d: base64url(key.sender) }, format: "jwk" }));

function verifies(key, body, headers) {
  if (key.receiver.startsWith("whpk_")) {
    const signatures = headers["webhook-signature"].split(" ").map((signature) => signature.split(","));
    return signatures.some(([version, signature]) => {
      const given = Buffer.from(signature, "base64");
      return version === "v1a" && verify(null, message(body, headers), publicKey(key), given);
    });
  }
  try {
    new Webhook(key.receiver).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

function signed(key, body, headers) {
  if (key.receiver.startsWith("whpk_")) {
    return `v1a,${sign(null, message(body, headers), privateKey(key)).toString("base64")}`;
  }
  return new Webhook(key.sender).sign(headers["webhook-id"], new Date(headers["webhook-timestamp"] * 1000), body);
}

const lines = readFileSync(0, "utf8").split("\n").filter((line) => line !== "");
for (const { body, headers, right, wrong } of lines.map((line) => JSON.parse(line))) {
  for (const key of right) {
    assert(verifies(key, body, headers), JSON.stringify(headers));
    assert(!verifies(key, `${body} `, headers), JSON.stringify(headers));
  }
  for (const key of wrong) assert(!verifies(key, body, headers), JSON.stringify(headers));
  console.log(JSON.stringify(right.map((key) => signed(key, body, headers))));
}
