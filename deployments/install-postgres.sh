#!/bin/sh
# Makes sure that this machine has the Postgres server programs, which
# `alphapulse up` runs privately. It does nothing when they are there. On Debian
# and Ubuntu it installs the package (as root, or with sudo); elsewhere it says
# what to install, and exits with 1.
#
# Only the programs are wanted: the distribution's own database cluster is not
# created, and one that exists already is left as it is.
set -eu

has_server() {
	[ -x "$1/postgres" ] && [ -x "$1/initdb" ]
}

# The same places, in the same order, as shared/postgres/pgserver.
find_server() {
	if [ -n "${ALPHAPULSE_POSTGRES_BIN:-}" ]; then
		has_server "$ALPHAPULSE_POSTGRES_BIN" && echo "$ALPHAPULSE_POSTGRES_BIN"
		return
	fi
	if command -v pg_config >/dev/null 2>&1; then
		dir=$(pg_config --bindir)
		has_server "$dir" && echo "$dir" && return
	fi
	if command -v postgres >/dev/null 2>&1 && command -v initdb >/dev/null 2>&1; then
		dirname "$(command -v postgres)"
		return
	fi
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /usr/libexec/postgresql* \
		/opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin; do
		has_server "$dir" && echo "$dir" && return
	done
	return 1
}

say() {
	printf '%s\n' "$*" >&2
}

# as_root runs a command as root, or fails when that is impossible.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -- "$@"
	fi
}

# without_cluster keeps the package from creating and starting a cluster of its
# own. The setting is only added where none was made: an administrator's stays.
without_cluster() {
	config=/etc/postgresql-common/createcluster.conf
	if [ -e "$config" ]; then
		if ! grep -Eq '^[[:space:]]*create_main_cluster[[:space:]]*=' "$config"; then
			echo 'create_main_cluster = false' | as_root tee -a "$config" >/dev/null
		fi
		return
	fi
	as_root mkdir -p "${config%/*}"
	echo 'create_main_cluster = false' | as_root tee "$config" >/dev/null
}

install_with_apt() {
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
		say "Postgres is not installed, and this needs root. Run as root:"
		say "    apt-get update && apt-get install -y --no-install-recommends postgresql"
		return 1
	fi
	say "Installing the Postgres server programs with apt-get."
	without_cluster
	as_root apt-get update
	# The file that without_cluster wrote is the package's own: keep it, unasked.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o Dpkg::Options::=--force-confold postgresql
}

explain() {
	say "Postgres is not installed, and this script knows only apt-get. Install the server:"
	say "    Fedora, RHEL:  dnf install postgresql-server"
	say "    Arch:          pacman -S postgresql"
	say "    Alpine:        apk add postgresql"
	say "    macOS:         brew install postgresql@17   (or https://postgresapp.com)"
	say "or set ALPHAPULSE_POSTGRES_BIN to the directory that holds postgres and initdb,"
	say "or set DATABASE_URL to use a server that runs elsewhere."
}

main() {
	if [ -n "${ALPHAPULSE_POSTGRES_BIN:-}" ] && ! has_server "$ALPHAPULSE_POSTGRES_BIN"; then
		say "ALPHAPULSE_POSTGRES_BIN is $ALPHAPULSE_POSTGRES_BIN, which has no postgres and initdb."
		say "Correct or unset it."
		exit 1
	fi
	if dir=$(find_server); then
		say "Postgres is there: $dir"
		exit 0
	fi
	if ! command -v apt-get >/dev/null 2>&1; then
		explain
		exit 1
	fi
	install_with_apt
	if ! dir=$(find_server); then
		say "apt-get installed postgresql, but no directory with postgres and initdb was found."
		exit 1
	fi
	say "Postgres is there: $dir"
}

main
