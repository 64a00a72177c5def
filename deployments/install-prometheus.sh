#!/bin/sh
# Makes sure that this machine has the programs prometheus and promtool, which
# the tests of the alerts and dashboards run. It does nothing when they are
# there. On Debian and Ubuntu it takes them out of the distribution's package
# into .tools/prometheus, without root; elsewhere it says what to install, and
# exits with 1.
#
# Only the programs are wanted: no package is installed, no service started.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
place=$root/.tools/prometheus

has_programs() {
	[ -x "$1/prometheus" ] && [ -x "$1/promtool" ]
}

# The same places, in the same order, as services/internal/prometheustest.
find_programs() {
	if [ -n "${ALPHAPULSE_PROMETHEUS_BIN:-}" ]; then
		has_programs "$ALPHAPULSE_PROMETHEUS_BIN" && echo "$ALPHAPULSE_PROMETHEUS_BIN"
		return
	fi
	if command -v prometheus >/dev/null 2>&1; then
		dir=$(dirname "$(command -v prometheus)")
		has_programs "$dir" && echo "$dir" && return
	fi
	has_programs "$place" && echo "$place" && return
	return 1
}

say() {
	printf '%s\n' "$*" >&2
}

# download fetches the package into the current directory. As root apt says
# that it could not give up its rights for that, which is of no importance.
download() {
	if apt-get download prometheus; then
		return
	fi
	if [ "$(id -u)" -ne 0 ]; then
		say "apt-get knows no package prometheus. Refresh its lists and try again:"
		say "    sudo apt-get update"
		return 1
	fi
	apt-get update
	apt-get download prometheus
}

# take puts the programs in their place whole, or not at all.
take() (
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	download >&2
	dpkg-deb -x prometheus_*.deb unpacked
	mkdir -p "$place"
	for program in prometheus promtool; do
		cp "unpacked/usr/bin/$program" "$place/.$program.new"
		chmod 755 "$place/.$program.new"
		mv "$place/.$program.new" "$place/$program"
	done
)

explain() {
	say "Prometheus is not installed, and this script knows only Debian's package. Install it:"
	say "    macOS:          brew install prometheus"
	say "    Fedora, RHEL:   dnf install golang-github-prometheus"
	say "    Arch:           pacman -S prometheus"
	say "    Alpine:         apk add prometheus"
	say "    anything else:  https://prometheus.io/download/"
	say "or set ALPHAPULSE_PROMETHEUS_BIN to the directory that holds prometheus and promtool."
}

main() {
	if [ -n "${ALPHAPULSE_PROMETHEUS_BIN:-}" ] && ! has_programs "$ALPHAPULSE_PROMETHEUS_BIN"; then
		say "ALPHAPULSE_PROMETHEUS_BIN is $ALPHAPULSE_PROMETHEUS_BIN, which has no prometheus and promtool."
		say "Correct or unset it."
		exit 1
	fi
	if dir=$(find_programs); then
		say "Prometheus is there: $dir"
		exit 0
	fi
	if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
		explain
		exit 1
	fi
	say "Taking prometheus and promtool out of the distribution's package."
	take
	if ! dir=$(find_programs); then
		say "The package was unpacked, but $place has no prometheus and promtool."
		exit 1
	fi
	say "Prometheus is there: $dir"
}

main
