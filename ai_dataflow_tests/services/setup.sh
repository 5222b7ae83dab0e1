#!/usr/bin/env bash
# Installs what the tests' services and browser need: Debian packages, Azurite and maildev into
# .services/.
# Costs nothing where all is there. `make services-setup` calls it, and so does `make test`.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
home="$here/../../.services"
installed="$home/node_modules/.installed.json" # gone with the folder, so that it is made anew
packages=(unixodbc tdsodbc odbc-postgresql postgresql chromium)

fail() {
  printf '%s\n' "$@" >&2
  exit 2
}

missing() {
  local package
  for package in "${packages[@]}"; do
    [[ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] \
      || echo "$package"
  done
}

as_root=()
install_packages() {
  local wanted="$*" install=(env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y
    --no-install-recommends "$@")
  command -v apt-get >/dev/null || fail "The tests' services need these Debian packages: $wanted" \
    "Here is no apt-get: install what they are called on this system, or test on Debian or Ubuntu."
  if [[ "$(id -u)" != 0 ]]; then
    sudo -n true 2>/dev/null || fail "The tests' services need Debian packages that are missing: $wanted" \
      "Install them:  sudo apt-get install $wanted"
    as_root=(sudo)
  fi
  echo "Installing $wanted"
  # The list of packages may be old or none: it is fetched when the first try shows that.
  "${as_root[@]}" "${install[@]}" >/dev/null 2>&1 \
    || { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" "${install[@]}" >/dev/null; } \
    || fail "Installing failed. Try:  apt-get update && apt-get install $wanted"
}

install_servers() {
  mkdir -p "$home"
  cp "$here/package.json" "$home/package.json.new"
  mv "$home/package.json.new" "$home/package.json"
  echo "Installing Azurite and maildev"
  # No lock file: it would record where the packages were fetched.
  local install=(npm install --prefix "$home" --no-audit --no-fund --no-package-lock --loglevel=error)
  "${install[@]}" >/dev/null || { sleep 2; "${install[@]}" >/dev/null; } \
    || fail "Azurite and maildev could not be installed. Try:  ${install[*]}"
  cp "$home/package.json" "$installed"
}

command -v npm >/dev/null || packages+=(nodejs npm)
[[ -n "${JAVA_HOME:-}" ]] || command -v java >/dev/null || packages+=(default-jre-headless)
mapfile -t wanted < <(missing)
[[ ${#wanted[@]} == 0 ]] || install_packages "${wanted[@]}"
cmp -s "$here/package.json" "$installed" || install_servers
