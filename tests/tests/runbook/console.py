"""What someone does in the AWS console, by the calls that the console makes.

    console.py reserve FUNCTION EXECUTIONS         Lambda, Configuration, Concurrency
    console.py redrive FROM_QUEUE TO_QUEUE MOST    SQS, Send and receive messages: receive, send, delete
    console.py hire NAME POLICY_ARN[,..] [SID]     IAM, Users: with policies, or all of them but one statement
    console.py copy FROM_QUEUE TO_QUEUE MOST       the same by someone who is called away before the delete
    console.py find TEXT STACK                     every store that a stack has: rows, messages, logs, objects, schedules

`redrive` and `copy` print the customers whose letters they took, a line each; `hire` prints the new user's keys;
`find` prints where the text is, a line each, and last how much it looked through.
"""

import json
import sys

import boto3


def reserve(function, executions):
    boto3.client("lambda").put_function_concurrency(
        FunctionName=function, ReservedConcurrentExecutions=int(executions)
    )


def letters(sqs, queue, most):
    """Up to so many letters, none of them twice."""
    taken = {}
    while len(taken) < most:
        answer = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=min(10, most - len(taken)), VisibilityTimeout=5
        )
        if not answer.get("Messages"):
            raise SystemExit(f"{queue} has only {len(taken)} letters")
        taken.update((message["MessageId"], message) for message in answer["Messages"])
    return taken.values()


def redrive(source, target, most, deletes=True):
    sqs = boto3.client("sqs")
    for letter in letters(sqs, source, int(most)):
        sqs.send_message(QueueUrl=target, MessageBody=letter["Body"])
        if deletes:
            sqs.delete_message(QueueUrl=source, ReceiptHandle=letter["ReceiptHandle"])
        print(json.loads(letter["Body"])["customer"])


def copy(source, target, most):
    redrive(source, target, most, deletes=False)


def statements_of(iam, policy):
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]["Statement"]


def hire(name, policy, without=None):
    iam = boto3.client("iam")
    iam.create_user(UserName=name)
    policies = [arn for arn in policy.split(",") if arn != "none"]
    if not without:
        for arn in policies:
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
    else:
        statements = [statement for arn in policies for statement in statements_of(iam, arn)]
        most = [statement for statement in statements if statement["Sid"] != without]
        assert len(most) < len(statements), f"{policy} has no {without}"
        document = json.dumps({"Version": "2012-10-17", "Statement": most})
        iam.put_user_policy(UserName=name, PolicyName="most", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    print(key["AccessKeyId"])
    print(key["SecretAccessKey"])


def rows(stack):
    dynamodb = boto3.client("dynamodb")
    for table in dynamodb.get_paginator("list_tables").paginate().search("TableNames"):
        if table.startswith(stack):
            for row in dynamodb.get_paginator("scan").paginate(TableName=table).search("Items"):
                yield f"table {row['pk']['S']} / {row['sk']['S']}", row


def messages(stack):
    sqs = boto3.client("sqs")
    for queue in sqs.list_queues(QueueNamePrefix=stack).get("QueueUrls", []):
        seen = {}
        for _ in range(5):
            answer = sqs.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
                WaitTimeSeconds=0,
                MessageAttributeNames=["All"],
            )
            seen.update((message["MessageId"], message) for message in answer.get("Messages", []))
        yield f"queue {queue}", list(seen.values())


def logs(stack):
    client = boto3.client("logs")
    for group in client.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack}")["logGroups"]:
        name = group["logGroupName"]
        for stream in client.describe_log_streams(logGroupName=name)["logStreams"]:
            events = client.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"], startFromHead=True)
            yield f"log {name} {stream['logStreamName']}", events["events"]


def objects(_):
    s3 = boto3.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            body = s3.get_object(Bucket=bucket["Name"], Key=found["Key"])["Body"].read()
            yield f"object {bucket['Name']}/{found['Key']}", body.decode("utf-8", "replace")


def schedules(stack):
    scheduler = boto3.client("scheduler")
    for group in scheduler.list_schedule_groups(NamePrefix=stack)["ScheduleGroups"]:
        for found in scheduler.list_schedules(GroupName=group["Name"])["Schedules"]:
            schedule = scheduler.get_schedule(GroupName=group["Name"], Name=found["Name"])
            yield f"schedule {found['Name']}", schedule


def find(text, stack):
    looked = {}
    for store in (rows, messages, logs, objects, schedules):
        for place, content in store(stack):
            looked[store.__name__] = looked.get(store.__name__, 0) + 1
            if text in place or text in json.dumps(content, default=str, ensure_ascii=False):
                print(place)
    print(json.dumps(looked))


if __name__ == "__main__":
    {"reserve": reserve, "hire": hire, "redrive": redrive, "copy": copy, "find": find}[sys.argv[1]](*sys.argv[2:])
