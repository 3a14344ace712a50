#!/usr/bin/env bash
# Tries the library against real servers. They are those of three releases of
# Debian, fetched into target/servers/RELEASE, with certificates made for them;
# this machine's own packages stay as they are.
set -euo pipefail
releases=(bookworm trixie sid)
packages=(
  prometheus prometheus-pushgateway prometheus-node-exporter victoria-metrics nginx
)
root=$PWD/target/servers

skip() {
  echo "SKIPPED fetching ${packages[*]}: $1"
  exit 0
}

fetch() {
  local mirror
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } | awk '
    $1 == "deb" || $1 == "URIs:" {
      for (i = 2; i <= NF; i++) if ($i ~ /\/debian\/?$/ && !found) { found = $i; print $i }
    }')
  [ -n "$mirror" ] || skip "no mirror of Debian is configured"

  mkdir -p "$root"/apt/{etc/parts,state/lists/partial,cache/archives/partial}
  : >"$root/apt/state/status"
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  printf "deb [signed-by=$keys] $mirror %s main\n" "${releases[@]}" >"$root/apt/etc/sources.list"
  # A mirror may be older than a release says that it lasts.
  cat >"$root/apt/apt.conf" <<END
Dir::Etc "$root/apt/etc";
Dir::Etc::parts "$root/apt/etc/parts";
Dir::Etc::preferencesparts "$root/apt/etc/parts";
Dir::Etc::sourcelist "$root/apt/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$root/apt/state";
Dir::State::status "$root/apt/state/status";
Dir::Cache "$root/apt/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
END
  export APT_CONFIG=$root/apt/apt.conf
  # It warns where it found nothing, and ends well.
  apt-get -o APT::Update::Error-Mode=any update -q || skip "the mirror of Debian cannot be reached"
  local release package
  for release in "${releases[@]}"; do
    for package in "${packages[@]}"; do
      (cd "$root/apt/cache" && apt-get -q download "$package/$release") ||
        skip "$package of $release cannot be fetched"
      dpkg --extract "$root/apt/cache/$package"_*.deb "$root/$release"
      rm "$root/apt/cache/$package"_*.deb
    done
  done
}

# An authority, and what it signs: for the servers, and for a client.
certify() {
  mkdir -p "$root/certificates"
  cd "$root/certificates"
  local curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc)
  openssl req -x509 "${curve[@]}" -days 30 -subj "/CN=authority" -keyout ca.key -out ca.pem
  local who
  for who in server client; do
    openssl req "${curve[@]}" -subj "/CN=$who" -keyout "$who.key" -out "$who.csr"
    openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
      -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$who.pem"
  done
}

if ! command -v apt-get >/dev/null || ! command -v openssl >/dev/null; then
  skip "there is no apt-get or no openssl"
fi
for release in "${releases[@]}"; do
  for package in "${packages[@]}"; do
    [ -e "$root/$release/usr/share/doc/$package" ] || missing=yes
  done
done
if [ -n "${missing:-}" ]; then
  fetch
fi
if [ ! -d "$root/carbon" ]; then
  # Where it goes is what it is told, and not /opt.
  if ! python3 -m venv "$root/carbon" ||
    ! GRAPHITE_NO_PREFIX=True "$root/carbon/bin/python" -m pip install --quiet carbon whisper; then
    rm -rf "$root/carbon"
    echo "SKIPPED fetching carbon: it cannot be installed"
  fi
fi
# They end after a month.
(certify)

NARTHEX_SERVERS=$root cargo test --all-features --test it _real::
