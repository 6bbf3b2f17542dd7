"""Looks at a deployed stack: its outputs are there, its functions take a batch, and their programs unwind.

    python deployed.py STACK
"""

import json
import os
import re
import subprocess
import sys

import boto3


def outputs_of(stack):
    """The stack's outputs, by name."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit(f"The stack {stack} is {found['StackStatus']}.")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def outputs_wanted():
    """The names under `Outputs:` in template.yaml that hang on no condition."""
    with open("template.yaml", encoding="utf-8") as template:
        outputs = template.read().partition("\nOutputs:\n")[2]
    return re.findall(r"^  (\w+):\n(?!    Condition:)", outputs, re.MULTILINE)


def check_batch(outputs, name):
    """The function answers an empty batch."""
    answer = boto3.client("lambda").invoke(FunctionName=outputs[f"{name}FunctionName"], Payload=b'{"Records": []}')
    body = answer["Payload"].read().decode()
    if "FunctionError" in answer or json.loads(body) != {"batchItemFailures": []}:
        sys.exit(f"{name} answered an empty batch with {body}")


def check_function(outputs, stage):
    """The stage's function answers an empty batch, and its mapping feeds it from its queue."""
    check_batch(outputs, stage)
    functions = boto3.client("lambda")
    mapping = functions.get_event_source_mapping(UUID=outputs[f"{stage}MappingId"])
    queue = outputs[f"{stage}QueueUrl"].rpartition("/")[2]
    maximum = int(outputs[f"{stage}MaximumConcurrency"])
    if mapping["State"] != "Enabled" or not mapping["EventSourceArn"].endswith(f":{queue}"):
        sys.exit(f"{stage} is not fed from {queue}: {mapping}")
    if mapping["ScalingConfig"]["MaximumConcurrency"] != maximum:
        sys.exit(f"{stage} may run other than {maximum} times at once: {mapping}")
    # The emulator keeps a parameter's value as the text that it is; to AWS, and to the tick, it is a number.
    functions.update_event_source_mapping(
        UUID=outputs[f"{stage}MappingId"], ScalingConfig={"MaximumConcurrency": maximum}
    )


def check_chore(outputs, name, expected):
    """A function that runs by the clock answers, with what it is expected to have in its answer."""
    answer = boto3.client("lambda").invoke(FunctionName=outputs[f"{name}FunctionName"], Payload=b"{}")
    body = answer["Payload"].read().decode()
    if "FunctionError" in answer or not expected(json.loads(body)):
        sys.exit(f"{name} answered {body}")


# With this, Rust's runtime ends a program whose main function panicked and was unwound. One that aborts is ended by a
# signal.
UNWOUND = 101


def check_unwinding(outputs, name):
    """A function's program, as `sam build` packed it, unwinds from a panic, as it must for the panic to be one
    message's; and it logs where it panicked, not what the panic says. Off Lambda, its runtime panics at once, for want
    of Lambda's own variables."""
    found = boto3.client("lambda").get_function_configuration(FunctionName=outputs[f"{name}FunctionName"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_LAMBDA_")}
    environment.update(found["Environment"]["Variables"])
    program = f".aws-sam/build/{name}Function/bootstrap"
    ended = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60)
    said = ended.stdout + ended.stderr
    if ended.returncode != UNWOUND:
        sys.exit(f"{program} should unwind when it panics, and ended with {ended.returncode}: {said}")
    if '"place":"lambda_runtime-' not in said or "AWS_LAMBDA_" in said:
        sys.exit(f"{program} should log the place of its panic, and nothing else of it: {said}")


def main():
    stack = sys.argv[1]
    wanted, outputs = outputs_wanted(), outputs_of(stack)
    missing = [name for name in wanted if not outputs.get(name)]
    if missing or not wanted:
        sys.exit(f"The stack {stack} lacks outputs: {missing}")
    stages = [name.removesuffix("MaximumConcurrency") for name in wanted if name.endswith("MaximumConcurrency")]
    for stage in stages:
        check_function(outputs, stage)
    check_batch(outputs, "Feedback")
    check_chore(outputs, "Tick", lambda told: [stage["outcome"] for stage in told["stages"]] == ["swept"] * len(stages))
    check_chore(outputs, "Audit", lambda told: told["customers"] == 0 and told["failed"] == 0)
    for name in [*stages, "Feedback", "Tick", "Audit"]:
        check_unwinding(outputs, name)
    print(f"{stack} is deployed: {len(wanted)} outputs; all {len(stages) + 3} functions answer, and unwind from a panic.")


if __name__ == "__main__":
    main()
