# Sourced by the launcher and by set-up: find_node <checkout> prints the Node that runs Rampart's .ts files (24 or
# newer), or fails. npm's copy comes first because that is the version everything was tested with.
find_node() {
  local candidate
  for candidate in "$1"/node_modules/.bin/node "$1"/node_modules/node-linux-*/bin/node "$(command -v node)"; do
    [ -x "$candidate" ] || continue
    case "$("$candidate" --version 2>/dev/null)" in
      v2[4-9].* | v[3-9][0-9].*)
        printf '%s\n' "$candidate"
        return 0
        ;;
    esac
  done
  return 1
}
