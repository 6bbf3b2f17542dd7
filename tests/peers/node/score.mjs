// The score stage, as a careful team would write it in Node: the AWS SDK for JavaScript, and Powertools for its batches and
// metrics, bundled by esbuild.
//
// It makes the calls that Pulse's score function makes for a month's customers, under the same conditions and in the same order.
// Campaigns, breakers, the ledger's other states and word to other systems are left out.
import { createHash, randomUUID } from "node:crypto";

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ChangeMessageVisibilityBatchCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import pLimit from "p-limit";

const { TABLE_NAME, SCORE_QUEUE_URL, EMAIL_QUEUE_URL, SCORE_URL, STACK_NAME } = process.env;
const IN_FLIGHT = Number(process.env.IN_FLIGHT);
const SCORE_TIMEOUT_MS = 1000 * Number(process.env.SCORE_TIMEOUT_SECONDS);
const TEN = 10;

const config = { maxAttempts: 3, requestHandler: { connectionTimeout: 2000, requestTimeout: 3000 } };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient(config));
const sqs = new SQSClient(config);
const metrics = new Metrics({ namespace: "Pulse", defaultDimensions: { Stack: STACK_NAME, Stage: "score" } });

const rfc3339 = (moment) => moment.toISOString();
const sortable = (moment) => moment.toISOString().replace("Z", "000000Z");
const shardOf = (customer) => createHash("sha256").update(`shard\0${customer}`).digest().readBigUInt64BE() % 8n;

const months = new Map();
// The month that a moment is in where the customer lives.
function monthOf(moment, timeZone) {
  if (!months.has(timeZone)) {
    months.set(timeZone, new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit" }));
  }
  return months.get(timeZone).format(moment);
}

async function row(pk, sk) {
  const { Item } = await dynamodb.send(new GetCommand({ TableName: TABLE_NAME, Key: { pk, sk }, ConsistentRead: true }));
  return Item;
}

// What came of the calls to the scoring provider.
class Meter {
  latencies = [];
  failures = 0;
  underWay = 0;
  peak = 0;

  async ask(customer, run, product, trace) {
    this.peak = Math.max(this.peak, ++this.underWay);
    const began = performance.now();
    let failed = true;
    try {
      const answer = await fetch(SCORE_URL, {
        method: "POST",
        body: JSON.stringify({ customer, product, run }),
        headers: { "Content-Type": "application/json", "Idempotency-Key": `${customer}_${run}`, "X-Amzn-Trace-Id": trace },
        redirect: "manual",
        signal: AbortSignal.timeout(SCORE_TIMEOUT_MS),
      });
      if (!answer.ok) throw new Error(`the scoring provider answered ${answer.status}`);
      const score = await answer.json();
      failed = false;
      this.succeededAt = new Date();
      return score;
    } finally {
      this.underWay -= 1;
      this.failures += Number(failed);
      this.latencies.push(Math.round(performance.now() - began));
    }
  }
}

// What is to be queued to the email stage, in tens.
class Outbox {
  waiting = [];
  failed = [];

  async put(message) {
    this.waiting.push(message);
    if (this.waiting.length >= TEN) await this.sendRest();
  }

  async sendRest() {
    const messages = this.waiting.splice(0);
    if (messages.length === 0) return;
    const Entries = messages.map(({ body, trace }, number) => ({
      Id: String(number),
      MessageBody: body,
      MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: trace } },
    }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: EMAIL_QUEUE_URL, Entries }));
    this.failed.push(...Failed.map(({ Id }) => messages[Number(Id)].messageId));
  }
}

async function work(record, meter, outbox) {
  const { customer, scheduled } = JSON.parse(record.body);
  const trace = record.attributes.AWSTraceHeader;
  const profile = await row(`CUST#${customer}`, "PROFILE");
  if (!profile) throw new Error(`customer ${customer} is unknown`);
  const run = monthOf(new Date(scheduled), profile.zone);
  const entry = await row(`CUST#${customer}`, `RUN#${run}`);
  const mailable = profile.standing === "active" && !profile.opted_out && profile.contact.email !== undefined;
  if (!entry || entry.state !== "scheduled" || !mailable) return;
  const { score, band, as_of } = await meter.ask(customer, run, profile.product, trace);
  const now = new Date();
  const Item = {
    ...entry,
    version: entry.version + 1,
    state: "scored",
    claims: entry.claims + 1,
    due: rfc3339(now),
    score: { value: score, band, as_of },
    open_shard: `EMAIL#${shardOf(customer)}`,
    open_due: sortable(now),
    write_id: randomUUID().slice(0, 18).replaceAll("-", ""),
  };
  await dynamodb.send(
    new PutCommand({
      TableName: TABLE_NAME,
      Item,
      ConditionExpression: "#version = :expected",
      ExpressionAttributeNames: { "#version": "version" },
      ExpressionAttributeValues: { ":expected": entry.version },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
  await outbox.put({ messageId: record.messageId, body: JSON.stringify({ v: 1, customer, run }), trace });
}

// Hides the batch for as long as this invocation can last: if it is killed, its messages are back soon.
async function hide(records, context) {
  const VisibilityTimeout = Math.ceil(context.getRemainingTimeInMillis() / 1000) + 20;
  const entries = records.map(({ receiptHandle }, n) => ({ Id: String(n), ReceiptHandle: receiptHandle, VisibilityTimeout }));
  const tens = [];
  while (entries.length > 0) tens.push(entries.splice(0, TEN));
  await Promise.all(
    tens.map((Entries) => sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: SCORE_QUEUE_URL, Entries }))),
  );
}

// Adds what came of the calls to the minute's row, by which it is told whether the provider is out of order.
async function report({ latencies, failures, succeededAt }) {
  const now = new Date();
  await dynamodb.send(
    new UpdateCommand({
      TableName: TABLE_NAME,
      Key: { pk: "STAGE#score", sk: `MIN#${now.toISOString().slice(0, 16)}:00.000000000Z` },
      UpdateExpression:
        "ADD calls :calls, failures :failures, took_ms :took_ms SET expires_at = :gone, succeeded_at = :succeeded_at",
      ExpressionAttributeValues: {
        ":calls": latencies.length,
        ":failures": failures,
        ":took_ms": latencies.reduce((sum, took) => sum + took, 0),
        ":gone": Math.floor(now / 1000) + 691_200,
        ":succeeded_at": sortable(succeededAt ?? now),
      },
    }),
  );
}

async function isPaused() {
  const control = (await row("STAGE#score", "CONTROL")) ?? {};
  return ["pause", "reputation", "console"].some((name) => name in control);
}

export async function handler(event, context) {
  await hide(event.Records, context);
  if (await isPaused()) {
    return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  }
  const [meter, outbox, limit] = [new Meter(), new Outbox(), pLimit(IN_FLIGHT)];
  const answer = await processPartialResponse(
    event,
    (record) => limit(() => work(record, meter, outbox)),
    new BatchProcessor(EventType.SQS),
    { context, throwOnFullBatchFailure: false },
  );
  await outbox.sendRest();
  answer.batchItemFailures.push(...outbox.failed.map((itemIdentifier) => ({ itemIdentifier })));
  if (meter.latencies.length > 0) await report(meter);
  for (const took of meter.latencies) metrics.addMetric("ProviderLatency", MetricUnit.Milliseconds, took);
  metrics.addMetric("ProviderFailures", MetricUnit.Count, meter.failures);
  metrics.addMetric("LanesInUse", MetricUnit.Count, meter.peak);
  metrics.publishStoredMetrics();
  return answer;
}
