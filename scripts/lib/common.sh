# Shared by the scripts: where things lie, plain words on the screen, and the mirrors this machine already uses.
# shellcheck shell=bash disable=SC2034  # the names are for the scripts that source this

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${OTPPI_BUILD:-$TREE/build}
# Finished roots outlive one checkout here, so that a second one starts in seconds.
CACHE=${OTPPI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/otppi}
SUITE=trixie
DPKG_EXCLUDES=(
    'path-exclude=/usr/share/man/*'
    'path-exclude=/usr/share/doc/*'
    'path-include=/usr/share/doc/*/copyright'
    'path-exclude=/usr/share/locale/*'
    'path-include=/usr/share/locale/locale.alias'
)

STARTED=$SECONDS
say() { printf '[%4ds] %s\n' $((SECONDS - STARTED)) "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
need_root() { [ "$(id -u)" = 0 ] || die "needs root (it makes files of other users and enters a root file system)"; }
need() {
    local missing=() tool
    for tool; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ ${#missing[@]} = 0 ] || die "missing on this machine: ${missing[*]} (scripts/host-packages installs them)"
}

# The Python that runs tests: PYTHON, else that of .venv, else the machine's.
project_python() {
    local python=$TREE/.venv/bin/python
    [ -x "$python" ] || python=$(command -v python3)
    echo "${PYTHON:-$python}"
}

# The names in a package list: one or more a line, # starts a comment.
packages_of() { sed 's/#.*//' "$@" | tr -s ' \t\n' '\n' | sed '/^$/d'; }

# A short name for the content of files and folders given, wherever the tree lies and whatever their times.
hash_of() {
    local thing
    for thing; do
        (cd "$TREE" && find "${thing#"$TREE"/}" -type f -printf '%p %m\n' | LC_ALL=C sort | while read -r file mode; do
            printf '%s %s ' "$file" "$mode" && sha256sum <"$file"
        done)
    done | sha256sum | cut -c1-16
}

# apt lines for $SUITE from the mirrors in this machine's own apt configuration: no host name stands in our files.
mirror_lines() {
    local own main security
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && echo "$VERSION_CODENAME")
    main=$(mirror_of "$own")
    security=$(mirror_of "$own-security")
    [ -n "$main" ] || die "apt on this machine names no Debian mirror for $own; is 'apt-get update' done?"
    echo "deb $main $SUITE main contrib non-free-firmware"
    echo "deb $main $SUITE-updates main contrib non-free-firmware"
    if [ -n "$security" ]; then echo "deb $security $SUITE-security main contrib non-free-firmware"; fi
}
mirror_of() {
    # shellcheck disable=SC2016  # apt fills these in
    apt-get indextargets --format '$(REPO_URI) $(SUITE) $(CODENAME) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$1" '$NF == "main" && index($0, " " suite " ") { print $1; exit }'
}
