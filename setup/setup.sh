#!/usr/bin/env bash
# Makes this machine ready to run Rampart, from a bare checkout; run again, it only checks. With --lab, what the lab
# needs besides is required instead of optional; with --brokers, the brokers of the event tests come as well. Bash,
# because Node 24 itself arrives with the first step.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
source setup/find-node.sh

fail() {
  printf 'setup failed: %s\n' "$1" >&2
  exit 1
}

# The stamp holds the checksum of the lock file that node_modules was installed from. A timestamp would not do: git
# sets the time of a checkout, not of a change.
packages_fresh() {
  [ -f node_modules/.rampart-lock ] && [ "$(cat node_modules/.rampart-lock)" = "$(sha256sum <package-lock.json)" ]
}

install_packages() {
  command -v npm >/dev/null || fail 'npm is missing: install Node.js 20 or newer with npm (on Debian: apt-get install nodejs npm)'
  # No install scripts: nothing we use needs one, and each would run code of strangers. Not `npm ci`: it refuses a lock
  # file that leaves out the binaries of platforms we do not run on; --no-save takes the locked versions all the same
  # and changes neither package.json nor the lock file.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error ||
    fail 'npm could not install the packages; read its lines above, check the network, then run "make setup" again'
  sha256sum <package-lock.json >node_modules/.rampart-lock
}

start=${EPOCHREALTIME/[.,]/}
echo 'npm packages: the libraries, Node 24 and PostgreSQL, as pinned in package-lock.json'
if packages_fresh; then
  result='up to date'
else
  mkdir -p .rampart
  # Two set-ups in one checkout: the second waits, then finds the work done.
  {
    flock 9
    packages_fresh || install_packages 9>&-
  } 9>.rampart/setup.lock
  result='installed'
fi
elapsed=$(((${EPOCHREALTIME/[.,]/} - start) / 100000))
printf '  %s (%d.%d s)\n' "$result" $((elapsed / 10)) $((elapsed % 10))

node=$(find_node "$PWD") || fail "npm brought no Node 24 for $(uname -sm): install Node.js 24 or newer"
exec "$node" --disable-warning=ExperimentalWarning setup/main.ts "$@"
