"""Runs the local AWS emulator so that nothing of it outlives whoever started it.

    python launch.py FOLDER

Two processes: a warden, and the emulator under it. The warden holds standard input open. When that ends,
because the starter closed it, left, crashed or was killed, or when the emulator itself ends, the warden kills
the emulator and every function process it started, removes FOLDER (the emulator's state), and goes.
The emulator reads its settings (port, state folders, IAM) from the environment.
"""

import contextvars
import ctypes
import email.utils
import json
import os
import re
import select
import shutil
import signal
import sys
import urllib.parse

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option, value):
    """Sets a process attribute on Linux. Elsewhere there is none to set, and the process group has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def serve(warden):
    """Becomes the emulator, in a process group of its own that its functions inherit."""
    os.setpgid(0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != warden:
        os._exit(1)  # the warden died before the line above could tell the kernel
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    import socketserver

    # The emulator writes each Runtime API response in small pieces. With Nagle's algorithm every warm
    # invocation waits 40 ms for a delayed acknowledgement.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True

    import ministack.app
    import ministack.core.iam_actions as iam
    import ministack.core.iam_evaluator as evaluator
    import ministack.services.apigateway_v1 as apigateway
    import ministack.services.scheduler as scheduler
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    iam._action_from_target = singly(iam._action_from_target)
    iam._lambda_action = by_method(iam._lambda_action)
    iam.extract_resource_arn = of_a_bus(by_their_source(in_their_group(iam.extract_resource_arn)))
    PassedRole().ask_of(iam, evaluator)
    ministack.app._enforce_ses_v2 = as_its_sender(ministack.app, ministack.app._enforce_ses_v2)
    apigateway._service_integration_response = with_their_status(apigateway)
    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = with_what_is_split(module._evaluate_conditions)
    scheduler._list_schedules = in_pages(scheduler._list_schedules, scheduler._json_resp)
    sys.argv = ["ministack"]
    ministack.app.main()


def singly(action_of):
    """Has SQS's batch actions authorized as AWS does, by the permission for the single one (Amazon SQS Developer
    Guide, "Amazon SQS API permissions: Actions and resource reference"). There are no others to grant."""

    def action(headers):
        name = action_of(headers)
        is_sqs = headers.get("x-amz-target", "").startswith("AmazonSQS.")
        return name.removesuffix("Batch") if is_sqs and name else name

    return action


def by_method(action_of):
    """Tells Lambda's calls to one mapping, and to a function's concurrency, by their methods, and the one for the account's
    limits (AWS Lambda API Reference). The emulator takes each for another, or for none."""
    mappings = {"GET": "GetEventSourceMapping", "PUT": "UpdateEventSourceMapping", "DELETE": "DeleteEventSourceMapping"}
    concurrency = {"GET": "GetFunctionConcurrency", "DELETE": "DeleteFunctionConcurrency"}

    def action(method, path):
        parts = [part for part in path.split("/") if part]
        if parts[-2:-1] == ["event-source-mappings"]:
            return mappings.get(method)
        if parts[-1:] == ["account-settings"]:
            return "GetAccountSettings"
        if parts[-1:] == ["concurrency"] and method in concurrency:
            return concurrency[method]
        return action_of(method, path)

    return action


def in_their_group(resource_of):
    """Names a schedule with the group that it is in (Service Authorization Reference, "Actions, resources, and
    condition keys for Amazon EventBridge Scheduler"). To the emulator, all are in the default group. A listing is
    of no resource type there: Scheduler asks for `schedule/*/*`, whichever group is listed, so that a policy for
    one group's schedules doesn't allow it (https://github.com/aws/aws-cdk/issues/38201)."""

    def resource(service, method, path, headers, body, query_params, region, account_id):
        arn = resource_of(service, method, path, headers, body, query_params, region, account_id)
        parts = [part for part in path.split("/") if part]
        if service != "scheduler" or parts[:1] != ["schedules"]:
            return arn
        schedules = f"arn:aws:scheduler:{region}:{account_id}:schedule"
        if len(parts) == 1:
            return f"{schedules}/*/*"
        asked = query_params.get("groupName") or query_params.get("ScheduleGroup") or ""
        group = asked[0] if isinstance(asked, list) else asked
        try:
            group = group or json.loads(body or b"{}").get("GroupName")
        except (ValueError, AttributeError):
            pass
        return f"{schedules}/{group or 'default'}/{parts[1]}"

    return resource


def of_a_bus(resource_of):
    """Names an event bus that is described (Service Authorization Reference, "Actions, resources, and condition keys for
    Amazon EventBridge"). The emulator takes its name for a rule's."""

    def resource(service, method, path, headers, body, query_params, region, account_id):
        if headers.get("x-amz-target") == "AWSEvents.DescribeEventBus":
            name = json.loads(body or b"{}").get("Name") or "default"
            return name if name.startswith("arn:") else f"arn:aws:events:{region}:{account_id}:event-bus/{name}"
        return resource_of(service, method, path, headers, body, query_params, region, account_id)

    return resource


def as_its_sender(app, otherwise):
    """Has a mail authorized as SES does in its sandbox: on the identity of From (the address's if it is one, else its
    domain's), on the configuration set that is named, and on the recipients' identities, each time with ses:FromAddress
    (Amazon SES Developer Guide, "Identity and access management in Amazon SES"; Service Authorization Reference,
    "Actions, resources, and condition keys for Amazon Simple Email Service v2"). The emulator knows none of these."""

    def enforce(method, path, headers, body, query_params, request_id):
        try:
            mail = json.loads(body or b"{}")
        except ValueError:
            mail = {}
        sender = email.utils.parseaddr(str(mail.get("FromEmailAddress") or ""))[1]
        if (method, path.rstrip("/")) != ("POST", "/v2/email/outbound-emails") or not sender:
            return otherwise(method, path, headers, body, query_params, request_id)

        from ministack.core.responses import get_account_id
        from ministack.services import ses_v2

        identities = [sender if sender in ses_v2._identities else sender.rpartition("@")[2]]
        identities += (mail.get("Destination") or {}).get("ToAddresses") or []
        resources = [f"identity/{identity}" for identity in identities]
        if mail.get("ConfigurationSetName"):
            resources.append(f"configuration-set/{mail['ConfigurationSetName']}")
        owner = f"arn:aws:ses:{app.extract_region(headers, query_params)}:{get_account_id()}"
        for resource in resources:
            denied = app._enforce_data_plane(
                "sesv2", "ses:SendEmail", headers, query_params, request_id,
                resource_arn=f"{owner}:{resource}", named_resource=f"{owner}:{resource}",
                service_context={"ses:FromAddress": sender},
            )
            if denied:
                return denied
        return None

    return enforce


def with_their_status(apigateway):
    """Lets the template of a response choose its status by the code of an error (Amazon API Gateway Developer Guide, "Override
    your API's request and response parameters and status codes"), which API Gateway gets as JSON. The emulator has it as XML,
    and knows neither conditions nor the override."""
    otherwise = apigateway._service_integration_response
    choice = re.compile(
        r"#set\(\$code = \$input\.path\('\$\.Error\.Code'\)\)\n"
        r"#if\((\$code == '\w+'(?: \|\| \$code == '\w+')*)\)\n"
        r"#set\(\$context\.responseOverride\.status = (\d+)\)\n#end\n"
    )

    def respond(integration, status, text, *rest):
        response = apigateway._select_service_integration_response(integration, status) or {}
        error = re.search(r"<Error>.*?<Code>(.*?)</Code>", text)
        chosen, templates = None, {}
        for type_, template in (response.get("responseTemplates") or {}).items():
            for condition, override in choice.findall(template):
                if error and error[1] in re.findall(r"'(\w+)'", condition):
                    chosen = int(override)
            templates[type_] = choice.sub("", template)
        if templates:
            integration = {**integration, "integrationResponses": {"": {**response, "responseTemplates": templates}}}
        answered, *others = otherwise(integration, status, text, *rest)
        return (chosen or answered, *others)

    return respond


def with_what_is_split(evaluate):
    """Lets conditions of a stack split texts, and put parameters into them (AWS CloudFormation Template Reference, "Fn::Split",
    "Fn::Sub"). The emulator's conditions select of lists that are parameters alone."""

    def given(value, params):
        if isinstance(value, list):
            return [given(one, params) for one in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("Fn::Sub"), str):
            named = lambda name: str(params[name[1]]["Value"]) if name[1] in params else name[0]
            return re.sub(r"\$\{(\w+)\}", named, value["Fn::Sub"])
        if "Fn::Split" in value:
            separator, text = given(value["Fn::Split"], params)
            return text.split(separator)
        return {name: given(one, params) for name, one in value.items()}

    def evaluated(template, params):
        conditions = given(template.get("Conditions", {}), params)
        return evaluate({**template, "Conditions": conditions}, params)

    return evaluated


def by_their_source(resource_of):
    """Names a move task by the queue that it moves from, and a simulation by whom it is of (Service Authorization
    Reference, "Actions, resources, and condition keys" for Amazon SQS and AWS IAM). The emulator, which has no move tasks,
    finds no queue's URL in the call, and takes a simulation for one of everybody."""

    def resource(service, method, path, headers, body, query_params, region, account_id):
        if service == "iam":
            form = urllib.parse.parse_qs(body.decode() if isinstance(body, bytes) else body or "")
            if form.get("Action") == ["SimulatePrincipalPolicy"]:
                return form["PolicySourceArn"][0]
        if service == "sqs" and "MessageMoveTask" in headers.get("x-amz-target", ""):
            try:
                return json.loads(body)["SourceArn"]
            except (ValueError, KeyError, TypeError):
                pass
        return resource_of(service, method, path, headers, body, query_params, region, account_id)

    return resource


class PassedRole:
    """Asks who makes or changes a schedule for iam:PassRole on the role that it hands it (EventBridge Scheduler User
    Guide, "Using identity-based policies"), which the emulator doesn't."""

    calls = ("scheduler:CreateSchedule", "scheduler:UpdateSchedule")

    def __init__(self):
        self.role = contextvars.ContextVar("role", default=None)
        self.is_denied = contextvars.ContextVar("is_denied", default=False)

    def ask_of(self, iam, evaluator):
        resource_of, enforce, answer = iam.extract_resource_arn, evaluator.enforce, iam.access_denied_response

        def resource(service, method, path, headers, body, query_params, region, account_id):
            self.role.set(role_of(body) if service == "scheduler" and method in ("POST", "PUT") else None)
            self.is_denied.set(False)
            return resource_of(service, method, path, headers, body, query_params, region, account_id)

        def enforced(access_key, action, service, region, **more):
            denied = enforce(access_key, action, service, region, **more)
            role = self.role.get()
            if denied or action not in self.calls or not role:
                return denied
            to = {"iam:PassedToService": "scheduler.amazonaws.com"}
            denied = enforce(access_key, "iam:PassRole", "iam", region, resource_arn=role, service_context=to)
            self.is_denied.set(bool(denied))
            return denied

        def denied_response(service, action, *rest, **more):
            if self.is_denied.get():
                action, more["resource_arn"] = "iam:PassRole", self.role.get()
            if not any(more.get(key) for key in ("message", "error_code", "resource_policy_arn")):
                # The emulator's own leaves the resource out, which AWS names.
                more["message"] = iam.identity_denial_message(
                    action, rest[0], more.get("resource_arn", "*"), more.get("explicit_deny", False)
                )
            return answer(service, action, *rest, **more)

        iam.extract_resource_arn = resource
        evaluator.enforce = enforced
        iam.access_denied_response = denied_response


def role_of(body):
    """The role of the schedule that a request has in its body, if any."""
    try:
        return json.loads(body or b"{}")["Target"]["RoleArn"]
    except (ValueError, KeyError, TypeError):
        return None


def in_pages(list_all, answer):
    """Hands out schedules page by page (EventBridge Scheduler API Reference, ListSchedules). The emulator hands out
    the first hundred, and says of no more."""

    def place(row):
        return row["Name"], row["GroupName"]

    def listed(query):
        body = list_all({**query, "MaxResults": sys.maxsize})[2]
        after, most = tuple(query.get("NextToken", "").split("/")), int(query.get("MaxResults") or 100)
        left = [row for row in sorted(json.loads(body)["Schedules"], key=place) if place(row) > after]
        page = {"Schedules": left[:most]}
        if len(left) > most:
            page["NextToken"] = "/".join(place(left[most - 1]))
        return answer(200, page)

    return listed


def wait_for_an_end(emulator):
    """Returns once standard input or the emulator has ended."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    while os.waitpid(emulator, os.WNOHANG) == (0, 0):
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready and not os.read(0, 4096):
            return
        if wake in ready and set(os.read(wake, 4096)) != {signal.SIGCHLD}:
            return


def children():
    """Ids of this process's children, on Linux."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc") if sys.platform == "linux" else []):
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                # The command's name, in parentheses, may hold anything; the parent is the second field after it.
                if int(stat.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
        except OSError:
            continue  # it ended meanwhile
    return found


def kill(killer, target):
    """Sends SIGKILL, to a process or a group that may be gone already."""
    try:
        killer(target, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_everything(emulator):
    """Kills the emulator's group, then whatever left that group: as a subreaper, the warden inherits it."""
    kill(os.killpg, emulator)
    while True:
        for child in children():
            kill(os.kill, child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main():
    folder = sys.argv[1]
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    warden = os.getpid()
    emulator = os.fork()
    if emulator == 0:
        serve(warden)
        return
    try:
        os.setpgid(emulator, emulator)  # on both sides, as either may come first
    except OSError:
        pass  # it has ended, which the next line finds out
    try:
        wait_for_an_end(emulator)
    finally:
        kill_everything(emulator)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
