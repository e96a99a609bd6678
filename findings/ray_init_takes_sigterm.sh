#!/bin/bash
# ray.init() puts its own handler of SIGTERM in the place of the program's, without a word. One would expect a library to leave a
# handler alone that was set before, or at least to call it. Schedulers (Slurm, Kubernetes, spot machines) announce the end of a job by
# SIGTERM some seconds ahead, and a training or a batch saves its checkpoint or record then: with Ray in the same process the
# handler is never called, nothing after the point of interruption runs but `atexit`, and the process ends with code 15 in place of the
# one that the program chose. A handler set after ray.init() works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ray==2.60.0' 2>/dev/null
cat >"$folder/job.py" <<'PYTHON'
import os
import signal
import sys
import time

import ray


def save(number, frame):
    print("  saved", flush=True)
    sys.exit(143)


def init():
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)


without, before = sys.argv[1] == "without", sys.argv[1] == "before"
if before:
    signal.signal(signal.SIGTERM, save)
if not without:
    init()
if not before:
    signal.signal(signal.SIGTERM, save)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
finally:
    print("  the finally of the work ran", flush=True)
PYTHON
"$folder/venv/bin/python" -c 'import ray; print("ray", ray.__version__)'
cd "$folder"
fault=0
for order in without after before; do
  code=0
  said=$(RAY_USAGE_STATS_ENABLED=0 timeout 120 venv/bin/python -W ignore job.py "$order" 2>log) || code=$?
  case $order in
    without) echo "handler alone, no Ray: exit code $code, and it printed:" ;;
    after) echo "handler set after ray.init(): exit code $code, and it printed:" ;;
    before) echo "handler set before ray.init(): exit code $code, and it printed:" ;;
  esac
  echo "${said:-  nothing}"
  case $order in
    before) [[ $code == 15 && $said != *saved* ]] || fault=1 ;;
    *) [[ $code == 143 && $said == *saved* ]] || fault=1 ;;
  esac
done
if ((fault)); then
  tail -5 log
  exit 1
fi
echo "ray.init() replaces a handler of SIGTERM that the program has set, and never calls it."
