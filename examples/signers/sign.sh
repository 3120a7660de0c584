#!/bin/sh
# Signs a JSON document by Standard Webhooks and posts it. Needs openssl and curl.
#
#   WEBHOOK_SECRET=whsec_... sign.sh URL [FILE]
#
# Without FILE, or with -, the document is read from standard input. Prints the answer's status,
# then its body. Exits with 0 if the status is 2xx, 1 if it is another or nobody answered, 2 if
# nothing was sent.
set -eu

fail() {
  echo "sign.sh: $1" >&2
  exit 2
}

[ $# -eq 1 ] || [ $# -eq 2 ] || fail "usage: WEBHOOK_SECRET=whsec_... sign.sh URL [FILE]"
for tool in openssl curl; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done

# The key is the bytes behind the prefix. openssl skips what is not base64 and says nothing.
secret=${WEBHOOK_SECRET:-}
[ -n "$secret" ] || fail "WEBHOOK_SECRET is not set"
secret=${secret#whsec_}
key() { printf '%s' "$secret" | openssl base64 -d -A; }
[ -n "$secret" ] && [ "$(key | openssl base64 -A)" = "$secret" ] ||
  fail "WEBHOOK_SECRET is not base64, with or without whsec_"

if [ "${2:--}" != - ]; then
  [ -r "$2" ] && [ ! -d "$2" ] || fail "cannot read $2"
  exec <"$2"
fi
# What is signed must be what is sent, byte for byte, and a shell variable holds no NUL and loses
# trailing newlines. So the document is kept in base64.
encoded=$(openssl base64)
document() { printf '%s\n' "$encoded" | openssl base64 -d; }

id=msg_$(openssl rand -hex 16)
timestamp=$(date +%s)
# HMAC by its definition (RFC 2104, section 2): openssl takes a key as an argument only, and whoever
# lists the processes of this machine would see it there.
hash() { openssl dgst -sha256 -binary; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
block=$(key | hex)
[ ${#block} -le 128 ] || block=$(key | hash | hex)
while [ ${#block} -lt 128 ]; do block=${block}00; done
pad() {
  rest=$block
  while [ -n "$rest" ]; do
    byte=${rest%"${rest#??}"}
    rest=${rest#??}
    printf "\\$(printf %03o $((0x$byte ^ $1)))"
  done
}
inner() { { pad 0x36; printf '%s.%s.' "$id" "$timestamp"; document; } | hash; }
signature=$({ pad 0x5c; inner; } | hash | openssl base64)

answer=$(document | curl --silent --show-error --max-time 30 --data-binary @- \
  --header 'content-type: application/json' \
  --header "webhook-id: $id" \
  --header "webhook-timestamp: $timestamp" \
  --header "webhook-signature: v1,$signature" \
  --write-out '\n%{http_code}' --url "$1") || exit 1
status=${answer##*
}
printf '%s\n%s\n' "$status" "${answer%?"$status"}"
case $status in 2??) ;; *) exit 1 ;; esac
