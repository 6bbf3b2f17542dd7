"""Looks at a deployed stack: its outputs are there, and its functions take a batch.

    python deployed.py STACK
"""

import json
import re
import sys

import boto3


def outputs_of(stack):
    """The stack's outputs, by name."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit(f"The stack {stack} is {found['StackStatus']}.")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def outputs_wanted():
    """The names under `Outputs:` in template.yaml."""
    with open("template.yaml", encoding="utf-8") as template:
        outputs = template.read().partition("\nOutputs:\n")[2]
    return re.findall(r"^  (\w+):$", outputs, re.MULTILINE)


def check_function(outputs, stage):
    """The stage's function answers an empty batch, and its mapping feeds it from its queue."""
    functions = boto3.client("lambda")
    answer = functions.invoke(FunctionName=outputs[f"{stage}FunctionName"], Payload=b'{"Records": []}')
    body = answer["Payload"].read().decode()
    if "FunctionError" in answer or json.loads(body) != {"batchItemFailures": []}:
        sys.exit(f"{stage} answered an empty batch with {body}")
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


def main():
    stack = sys.argv[1]
    wanted, outputs = outputs_wanted(), outputs_of(stack)
    missing = [name for name in wanted if not outputs.get(name)]
    if missing or not wanted:
        sys.exit(f"The stack {stack} lacks outputs: {missing}")
    stages = [name.removesuffix("MappingId") for name in wanted if name.endswith("MappingId")]
    for stage in stages:
        check_function(outputs, stage)
    check_chore(outputs, "Tick", lambda told: [stage["outcome"] for stage in told["stages"]] == ["swept"] * len(stages))
    check_chore(outputs, "Audit", lambda told: told["customers"] == 0 and told["failed"] == 0)
    print(f"{stack} is deployed: {len(wanted)} outputs, and all {len(stages) + 2} functions answer.")


if __name__ == "__main__":
    main()
