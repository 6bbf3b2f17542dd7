"""The score stage, as a careful team would write it in Python: boto3, and Powertools for its batches and metrics.

It makes the calls that Pulse's score function makes for a month's customers, under the same conditions and in the same order.
Campaigns, breakers, the ledger's other states and word to other systems are left out.
"""

import hashlib
import json
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import boto3
import urllib3
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config

TABLE = os.environ["TABLE_NAME"]
SCORE_QUEUE, EMAIL_QUEUE = os.environ["SCORE_QUEUE_URL"], os.environ["EMAIL_QUEUE_URL"]
SCORE_URL = os.environ["SCORE_URL"]
IN_FLIGHT = int(os.environ["IN_FLIGHT"])
SCORE_TIMEOUT = int(os.environ["SCORE_TIMEOUT_SECONDS"])
TEN = 10

config = Config(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=2 * IN_FLIGHT
)
# Clients may be shared by threads, where resources may not.
dynamodb, sqs = boto3.client("dynamodb", config=config), boto3.client("sqs", config=config)
scorer = urllib3.PoolManager(maxsize=IN_FLIGHT, timeout=urllib3.Timeout(connect=3, total=SCORE_TIMEOUT), retries=False)
pool = ThreadPoolExecutor(IN_FLIGHT)
serializer, deserializer = TypeSerializer(), TypeDeserializer()
metrics = Metrics(namespace="Pulse")
metrics.set_default_dimensions(Stack=os.environ["STACK_NAME"], Stage="score")


class ConcurrentProcessor(BatchProcessor):
    """Works on so many records at once as may be in flight."""

    def process(self):
        return list(pool.map(self._process_record, self.records))


class Outbox:
    """What is to be queued to the email stage, in tens."""

    def __init__(self):
        self.lock, self.waiting, self.failed = threading.Lock(), [], []

    def put(self, message_id, body, trace):
        with self.lock:
            self.waiting.append((message_id, body, trace))
            full, self.waiting = (self.waiting, []) if len(self.waiting) >= TEN else ([], self.waiting)
        self.send(full)

    def send_rest(self):
        self.send(self.waiting)
        self.waiting = []

    def send(self, messages):
        if not messages:
            return
        entries = [
            {
                "Id": str(number),
                "MessageBody": body,
                "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}},
            }
            for number, (_, body, trace) in enumerate(messages)
        ]
        answer = sqs.send_message_batch(QueueUrl=EMAIL_QUEUE, Entries=entries)
        self.failed += [messages[int(failed["Id"])][0] for failed in answer.get("Failed", [])]


class Meter:
    """What came of the calls to the scoring provider."""

    def __init__(self):
        self.lock, self.latencies, self.failures, self.succeeded_at = threading.Lock(), [], 0, None
        self.under_way, self.peak = 0, 0

    def begin(self):
        with self.lock:
            self.under_way += 1
            self.peak = max(self.peak, self.under_way)

    def end(self, took, failed):
        with self.lock:
            self.under_way -= 1
            self.latencies.append(took)
            self.failures += failed
            self.succeeded_at = self.succeeded_at if failed else now()


def now():
    return datetime.now(timezone.utc)


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sortable(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def shard_of(customer):
    return int.from_bytes(hashlib.sha256(b"shard\0" + customer.encode()).digest()[:8], "big") % 8


def row(pk, sk):
    answer = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
    item = answer.get("Item")
    return item and {name: deserializer.deserialize(value) for name, value in item.items()}


def ask(meter, customer, run, product, trace):
    body = json.dumps({"customer": customer, "product": product, "run": run})
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"{customer}_{run}",
        "X-Amzn-Trace-Id": trace,
    }
    meter.begin()
    started, failed = time.monotonic(), True
    try:
        answer = scorer.request("POST", SCORE_URL, body=body, headers=headers)
        failed = answer.status != 200
        if failed:
            raise RuntimeError(f"the scoring provider answered {answer.status}")
        return json.loads(answer.data)
    finally:
        meter.end(round((time.monotonic() - started) * 1000), failed)


def work(record, meter, outbox):
    message, trace = json.loads(record.body), record.raw_event["attributes"]["AWSTraceHeader"]
    customer = message["customer"]
    profile = row(f"CUST#{customer}", "PROFILE")
    if profile is None:
        raise LookupError(f"customer {customer} is unknown")
    scheduled = datetime.fromisoformat(message["scheduled"])
    run = scheduled.astimezone(ZoneInfo(profile["zone"])).strftime("%Y-%m")
    entry = row(f"CUST#{customer}", f"RUN#{run}")
    mailable = profile["standing"] == "active" and not profile["opted_out"] and "email" in profile["contact"]
    if entry is None or entry["state"] != "scheduled" or not mailable:
        return
    score = ask(meter, customer, run, profile["product"], trace)
    moment = now()
    before = entry["version"]
    entry |= {
        "version": before + 1,
        "state": "scored",
        "claims": entry["claims"] + 1,
        "due": rfc3339(moment),
        "score": {"value": score["score"], "band": score["band"], "as_of": score["as_of"]},
        "open_shard": f"EMAIL#{shard_of(customer)}",
        "open_due": sortable(moment),
        "write_id": uuid.uuid4().hex[:16],
    }
    dynamodb.put_item(
        TableName=TABLE,
        Item={name: serializer.serialize(value) for name, value in entry.items()},
        ConditionExpression="#version = :expected",
        ExpressionAttributeNames={"#version": "version"},
        ExpressionAttributeValues={":expected": {"N": str(before)}},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    outbox.put(record.message_id, json.dumps({"v": 1, "customer": customer, "run": run}), trace)


def hide(records, context):
    """Hides the batch for as long as this invocation can last: if it is killed, its messages are back soon."""
    seconds = context.get_remaining_time_in_millis() // 1000 + 20
    entries = [
        {"Id": str(number), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": seconds}
        for number, record in enumerate(records)
    ]
    tens = [entries[first : first + TEN] for first in range(0, len(entries), TEN)]
    list(pool.map(lambda ten: sqs.change_message_visibility_batch(QueueUrl=SCORE_QUEUE, Entries=ten), tens))


def report(meter):
    """Adds what came of the calls to the minute's row, by which it is told whether the provider is out of order."""
    moment = now()
    adds = {
        "calls": len(meter.latencies),
        "failures": meter.failures,
        "took_ms": sum(meter.latencies),
    }
    values = {f":{name}": {"N": str(value)} for name, value in adds.items()}
    values |= {":gone": {"N": str(int(moment.timestamp()) + 691_200)}}
    values |= {":succeeded_at": {"S": sortable(meter.succeeded_at or moment)}}
    dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "STAGE#score"}, "sk": {"S": f"MIN#{moment:%Y-%m-%dT%H:%M}:00.000000000Z"}},
        UpdateExpression="ADD "
        + ", ".join(f"{name} :{name}" for name in adds)
        + " SET expires_at = :gone, succeeded_at = :succeeded_at",
        ExpressionAttributeValues=values,
    )


def is_paused():
    control = row("STAGE#score", "CONTROL") or {}
    return any(name in control for name in ("pause", "reputation", "console"))


@metrics.log_metrics
def handler(event, context):
    hide(event["Records"], context)
    if is_paused():
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
    meter, outbox = Meter(), Outbox()
    answer = process_partial_response(
        event=event,
        record_handler=lambda record: work(record, meter, outbox),
        processor=ConcurrentProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )
    outbox.send_rest()
    answer["batchItemFailures"] += [{"itemIdentifier": message_id} for message_id in outbox.failed]
    if meter.latencies:
        report(meter)
    for took in meter.latencies:
        metrics.add_metric(name="ProviderLatency", unit=MetricUnit.Milliseconds, value=took)
    metrics.add_metric(name="ProviderFailures", unit=MetricUnit.Count, value=meter.failures)
    metrics.add_metric(name="LanesInUse", unit=MetricUnit.Count, value=meter.peak)
    return answer
