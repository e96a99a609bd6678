#!/bin/bash
# A script that calls `ray.init()` for a local cluster, once, changes what `ray start` means on that machine afterwards. Ray 2.60 makes a token
# for the local cluster and leaves it in ~/.ray/auth_token; a later `ray start --head` finds the file and asks every client for the token, while
# `ray.init(address=...)` of the same user on the same machine does not send it. It ends in a ConnectionError, "Failed to connect", with advice
# about a crashed instance; the reason is in a warning of the C++ core. One would expect the printed next step, `ray.init()`, to work as it does
# on a machine that never had a local cluster. What to set: RAY_AUTH_MODE=token for each client, or RAY_AUTH_MODE=disabled for `ray start`.
set -euo pipefail
folder=$(mktemp -d)
head=
trap '[ -z "$head" ] || kill -TERM -- "-$head" 2>/dev/null || true; sleep 2; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ray[default]==2.60.0' 2>/dev/null
python="$folder/venv/bin/python"
export HOME="$folder" RAY_USAGE_STATS_ENABLED=0
unset RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH
"$python" -c 'import ray; ray.init(num_cpus=1, object_store_memory=100000000, logging_level="ERROR")' >/dev/null 2>&1
echo "left by a local cluster: $(cd "$folder" && ls .ray)"
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
setsid "$python" -m ray.scripts.scripts start --head --block --port "$port" --include-dashboard false --num-cpus 1 \
    --object-store-memory 100000000 --temp-dir "$folder/ray" >"$folder/log" 2>&1 &
head=$!
for _ in $(seq 90); do
    grep -q 'runtime started' "$folder/log" && break
    sleep 1
done
cat >join.py <<'PYTHON'
import sys

import ray

try:
    ray.init(address=f"127.0.0.1:{sys.argv[1]}", logging_level="ERROR")
except ConnectionError as error:
    raise SystemExit(f"ConnectionError: {error}")
print("joined")
PYTHON
"$python" -c 'import ray; print("ray", ray.__version__)'
plain=$(timeout 120 "$python" join.py "$port" 2>&1 | tail -1) || true
token=$(RAY_AUTH_MODE=token timeout 120 "$python" join.py "$port" 2>&1 | tail -1) || true
echo "as ray start advises:       $plain"
echo "with RAY_AUTH_MODE=token:   $token"
if [[ $plain == *"Failed to connect"* && $token == joined ]]; then
    echo "as described"
else
    echo "changed"
    exit 1
fi
