#!/usr/bin/env bash
# Makes .venv right for a file of locked requirements, and says what it does. `make` calls it.
# With uv where there is one, with pip otherwise; both check the hashes.
# Example: tools/setup.sh requirements.txt
#
# .venv/.ready is there while .venv is whole. Where it is missing somebody was interrupted, and a
# package may be there by half: .venv is made anew. For requirements-x.txt there is .ready-x as well.
set -euo pipefail
cd "$(dirname "$0")/.."
locked="$1"
venv=.venv
python="${PYTHON:-python3}"
name="$(basename "$locked" .txt)"
mark="$venv/.ready${name#requirements}"

fail() {
  printf '%s\n' "$@" >&2
  exit 2
}

# Turns what an installer prints into lines that a person can follow: the large packages as they
# come, and whatever went wrong.
follow() {
  local line package
  while IFS= read -r line; do
    case "$line" in
      *Downloading*' kB)' | *Downloading*'KiB)') ;;
      *Downloading*' ('*)
        package="${line#*Downloading }"
        package="${package%% *}"
        printf '      %-24s %s\n' "${package%%-[0-9]*}" "${line##*\(}" | tr '_)' '- '
        ;;
      'Installing collected'* | 'Prepared '*) echo "      all are here; writing them into $venv" ;;
      # Pip's words and uv's for what is as it should be.
      Collecting* | Ignoring* | 'Looking in'* | Requirement* | Success* | *'Using cached'*) ;;
      *Attempting* | *Found\ existing* | *ninstall* | *'Using Python'* | Resolved* | Audited* | 'Bytecode compiled'*) ;;
      ' '*Downloaded* | Installed* | ' + '* | ' - '* | ' ~ '* | *Building* | *Built* | '') ;;
      *) printf '      %s\n' "$line" ;;
    esac
  done
}

is_new_enough() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Makes an empty .venv, or gives the one that is there what the chosen installer needs.
make_venv() {
  if [[ -e $venv/.ready && (-n $uv || -x $venv/bin/pip) ]]; then
    return
  fi
  if [[ -n $uv ]]; then
    local wanted='>=3.11' # one that uv finds, or brings
    ! is_new_enough || wanted="$python"
    "$uv" venv --quiet --clear --python "$wanted" "$venv"
    return
  fi
  is_new_enough || fail "Python 3.11 or newer is needed: make setup PYTHON=python3.12" \
    "uv brings one by itself, where it is installed: https://docs.astral.sh/uv"
  "$python" -c 'import ensurepip' 2>/dev/null ||
    fail "$python cannot make virtual environments: install python3-venv (Debian, Ubuntu), or uv"
  "$python" -m venv --clear "$venv"
}

# Installs something; `--no-deps`, since the locked file has all of it.
install() {
  if [[ -n $uv ]]; then
    VIRTUAL_ENV="$PWD/$venv" "$uv" pip install --no-deps "$@" 2>&1 | follow
  else
    "$venv/bin/pip" install --no-deps --disable-pip-version-check --no-input \
      --progress-bar off "$@" 2>&1 | follow
  fi
}

# Developers have uv among their requirements. Where there is none yet it comes first and installs
# the others, in a third of pip's time.
bring_uv() {
  local alone
  alone="$(mktemp)"
  awk '/^uv==/ {on = 1} on; on && !/\\$/ {exit}' "$locked" >"$alone"
  if [[ -s $alone ]] && install --require-hashes -r "$alone"; then
    uv="$PWD/$venv/bin/uv"
  fi
  rm -f "$alone"
}

# Where uv does not reach what pip is configured to reach, pip does it. uv is told to compile, as pip
# does by itself: where PYTHONDONTWRITEBYTECODE is set, each start of Python would compile else.
install_locked() {
  UV_COMPILE_BYTECODE=1 install --require-hashes -r "$locked" && return
  [[ -x $venv/bin/pip && -n $uv ]] || return
  echo "      uv could not; pip tries"
  uv=""
  install --require-hashes -r "$locked"
}

uv="$(command -v uv || true)"
begun=$SECONDS
make_venv
rm -f "$venv/.ready" "$mark"
echo "[1/3] $("$venv/bin/python" --version) in $venv"
[[ -n $uv ]] || bring_uv
echo "[2/3] $(grep -c '==' "$locked") packages of $locked, with $([[ -n $uv ]] && echo uv || echo pip)"
install_locked || fail "The packages could not be installed; what is above says why." \
  "Run it again when that is mended: what was fetched is kept."
echo "[3/3] ai_dataflow, from this folder"
install --quiet --no-build-isolation -e .
touch "$venv/.ready" "$mark"
echo "      ready after $((SECONDS - begun)) s; $venv has $(du -sh "$venv/" | cut -f1)"
