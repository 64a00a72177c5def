#!/bin/sh
# Makes the secrets that docker-compose.yml reads, under deployments/secrets/.
# What exists is kept: delete a file to have it made anew. Nothing secret is
# printed.
#
# The directory is closed to other users (0700). The vault keys, the URL and
# the token can be read by their owner alone, which has to be the user that our
# containers run as:
#   - run by root, the files are given to 65532, the image's own user;
#   - run by another user, .env tells compose to run the containers as that
#     user (as 0 on a rootless engine, where 0 is that user).
# The passwords of the database and of Grafana are read by the images' own users,
# whose numbers are not ours to choose; the directory protects them.
#
# Whom the notifier tells is not made here but written by you, into notify.json in
# the same directory; run this again afterwards, which gives it to its reader.
set -eu

cd "$(dirname "$0")/.."
dir=deployments/secrets

umask 077
mkdir -p "$dir"
chmod 700 "$dir"

# random BYTES: that many random bytes in hexadecimal, which needs no quoting
# in a URL.
random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# put NAME MODE < content: writes a file whole, or not at all.
put() {
	cat >"$dir/.$1.new"
	chmod "$2" "$dir/.$1.new"
	mv "$dir/.$1.new" "$dir/$1"
	echo "made $dir/$1"
}

# The program that makes vault keys, wherever it is to be had.
keygen() {
	if [ -x bin/alphapulse ]; then
		bin/alphapulse keygen "$dir"
	elif command -v go >/dev/null; then
		go run ./services/alphapulse keygen "$dir"
	else
		docker build --quiet --file deployments/Dockerfile --tag alphapulse:dev . >/dev/null
		docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD/$dir:/keys" alphapulse:dev keygen /keys
	fi
}

if [ ! -s "$dir/postgres_password" ]; then
	if [ -e "$dir/database_url" ]; then
		echo "$dir/postgres_password is missing, but $dir/database_url holds the password that the" >&2
		echo "database was made with: put it back, or delete both and the volume alphapulse_postgres." >&2
		exit 1
	fi
	random 24 | put postgres_password 644
fi

if [ ! -s "$dir/database_url" ]; then
	printf 'postgres://alphapulse:%s@postgres:5432/alphapulse?sslmode=disable' \
		"$(cat "$dir/postgres_password")" | put database_url 600
fi

[ -s "$dir/api_token" ] || random 32 | put api_token 600
[ -s "$dir/grafana_password" ] || random 24 | put grafana_password 644

if [ ! -e "$dir/vault.key" ] && [ ! -e "$dir/vault.pub" ]; then
	keygen
	echo "made $dir/vault.key and $dir/vault.pub: keep a copy of them in a safe place"
elif [ ! -e "$dir/vault.key" ] || [ ! -e "$dir/vault.pub" ]; then
	echo "Of $dir/vault.key and $dir/vault.pub one is missing: put it back. Without the private" >&2
	echo "key the stored credentials cannot be read; delete the other one to begin anew." >&2
	exit 1
fi

uid=$(id -u)
gid=$(id -g)

if [ "$uid" = 0 ]; then
	chown 65532:65532 "$dir/database_url" "$dir/api_token" "$dir/vault.key" "$dir/vault.pub"
	[ ! -e "$dir/notify.json" ] || chown 65532:65532 "$dir/notify.json"
	exit 0
fi

if command -v docker >/dev/null && docker info --format '{{.SecurityOptions}}' 2>/dev/null | grep -q rootless; then
	uid=0
	gid=0
fi

if ! grep -qs '^ALPHAPULSE_UID=' .env; then
	printf 'ALPHAPULSE_UID=%s\nALPHAPULSE_GID=%s\n' "$uid" "$gid" >>.env
	echo "wrote the containers' user ($uid:$gid) into .env"
fi
