# Runs a command beside an emulator that is like LocalStack, and ends the emulator with it.
#
#     sh beside_localstack.sh FOLDER PYTHON PORT COMMAND ...
#
# With OWN_NETWORK=1 it is to be run in a network, a mount and a process namespace of its own (unshare --net --mount
# --pid). There it makes a second machine for the functions, which reaches this one only as Docker's containers reach
# theirs: over docker0, at the address that host.docker.internal stands for among them.
set -eu
folder=$1 python=$2 port=$3
shift 3
gateway=127.0.0.1 bind=127.0.0.1
if [ -n "${OWN_NETWORK:-}" ]; then
    gateway=172.17.0.1 bind=0.0.0.0
    mount -t tmpfs tmpfs /run
    mkdir /run/netns
    ip netns add containers
    ip link set lo up
    ip link add docker0 type veth peer name eth0 netns containers
    ip address add $gateway/16 dev docker0
    ip link set docker0 up
    ip -n containers link set lo up
    ip -n containers address add 172.17.0.2/16 dev eth0
    ip -n containers link set eth0 up
    printf '127.0.0.1 localhost\n%s host.docker.internal\n' $gateway >/run/hosts
    contained="CONTAINERS=/run/netns/containers HOSTS=/run/hosts GATEWAY=$gateway"
fi
mkdir "$folder/tmp" "$folder/state" "$folder/s3"
mkfifo "$folder/stdin"
# shellcheck disable=SC2086
env -i PATH="$PATH" ${contained:-} TMPDIR="$folder/tmp" STATE_DIR="$folder/state" S3_DATA_DIR="$folder/s3" TZ=UTC \
    BIND_HOST=$bind GATEWAY_PORT="$port" AWS_ENDPOINT_URL="http://$gateway:$port" IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
    "$python" "$(dirname "$0")/like_localstack.py" "$folder" <"$folder/stdin" >"$folder.log" 2>&1 &
# The emulator ends when nobody holds its standard input any more.
exec 3>"$folder/stdin"
ready="import urllib.request as http; http.urlopen('http://127.0.0.1:$port/_localstack/health', timeout=2)"
tries=0
until "$python" -c "$ready" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { cat "$folder.log" >&2; exit 70; }
    sleep 0.2
done
status=0
"$@" 3>&- || status=$?
[ $status -eq 0 ] || cat "$folder.log" >&2
exit $status
