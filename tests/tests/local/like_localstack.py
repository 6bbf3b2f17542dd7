"""The local emulator, with the ways in which LocalStack differs from it and which `pulse local` has to make up for.

    python like_localstack.py FOLDER

Read off LocalStack 4.14's source (github.com/localstack/localstack) and documentation, not off a running one:
schedules are stored and never fired; /_localstack/health and /_localstack/info are its own, and there is no
/_ministack; GetTemplate answers with the original template unless asked for the processed one. With CONTAINERS, a
network namespace, functions run there, on another machine as far as their network goes, and HOSTS is their /etc/hosts;
they find this machine at GATEWAY. What it is started with, and how it ends, is infra/emulator/launch.py's.
"""

import importlib.util
import json
import os
import pathlib
import socketserver
import subprocess
import sys

LAUNCHER = pathlib.Path(__file__).parents[3] / "infra/emulator/launch.py"
VERSION, EDITION = "4.14.0", "community"


def answer(status, body):
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def health(path, _request_id):
    """HealthResource of localstack/services/internal.py. Whatever starts with an underscore else is a bucket's."""
    from ministack.app import SERVICE_HANDLERS

    if path == "/_localstack/health":
        services = {service: "available" for service in SERVICE_HANDLERS}
        return answer(200, {"services": services, "edition": EDITION, "version": VERSION})
    if path.startswith("/_ministack/"):
        return 404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchBucket</Code></Error>"
    return None


def info(path, _request_id):
    """InfoResource of localstack/services/internal.py."""
    if path == "/_localstack/info":
        return answer(200, {"version": VERSION, "edition": EDITION, "is_license_activated": False, "is_docker": True})
    return answer(404, {}) if path.startswith("/_localstack/") else None


def original_first(get_template):
    """get_template of localstack/services/cloudformation/v2/provider.py."""
    return lambda params: get_template({"TemplateStage": ["Original"], **params})


def contain(gateway, network, hosts):
    """Has functions run on the other machine. What they are to reach of this one, the Runtime API, listens for it."""
    init, Popen = socketserver.TCPServer.__init__, subprocess.Popen

    def listen(self, address, *arguments, **options):
        init(self, ("0.0.0.0", 0) if address == ("127.0.0.1", 0) else address, *arguments, **options)

    inside = 'mount --bind "$0" /etc/hosts && exec nsenter --net="$1" "$2"'

    class Contained(Popen):
        def __init__(self, command, *arguments, env=None, **options):
            if isinstance(command, list) and command[0].endswith("/bootstrap"):
                command = ["unshare", "--mount", "sh", "-c", inside, hosts, network, *command]
                env = {**env, "AWS_LAMBDA_RUNTIME_API": env["AWS_LAMBDA_RUNTIME_API"].replace("127.0.0.1", gateway)}
            super().__init__(command, *arguments, env=env, **options)

    socketserver.TCPServer.__init__ = listen
    subprocess.Popen = Contained


def differ():
    import ministack.app as app
    from ministack.services import scheduler
    from ministack.services.cloudformation import handlers

    scheduler.start_scheduler = lambda: None
    app._handle_health_request, app._handle_unknown_localstack_request = health, info
    handlers._ACTION_HANDLERS["GetTemplate"] = original_first(handlers._ACTION_HANDLERS["GetTemplate"])
    if "CONTAINERS" in os.environ:
        contain(*(os.environ.pop(name) for name in ("GATEWAY", "CONTAINERS", "HOSTS")))


def main():
    sys.dont_write_bytecode = True  # the checkout stays as it is
    spec = importlib.util.spec_from_file_location("launch", LAUNCHER)
    launch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launch)
    serve = launch.serve

    def serve_differing(warden):
        differ()
        serve(warden)

    launch.serve = serve_differing
    launch.main()


if __name__ == "__main__":
    main()
