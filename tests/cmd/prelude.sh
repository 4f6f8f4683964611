# Fixed keys and tokens, so that what is printed is known. None of them is exported.
# The key pairs are those of the Go program's recorded runs; every token is sealed from config to
# master and named after its plaintext.
umask 022

master_public=4qWrxezV1LMehxHyWg1JOZ6KIoZ8LSdVGZQ4ehuAYy4=
master_private=+cxOFHNnkCseXsRhoQtKxuGifUkkiFuJDXH/TksOpVE=
config_public=DbvlfSwpubWLYtSj/92thWsSSwqE9kjZP9Y1geKohE0=
config_private=rSqiZyxsCDyAkJ4cQad7VrAvLLDlQGUoFaUWpdL7Fd4=
other_public=NAlkJ9tBhzW2dxyCJNmLgMPa74kgWbI3K4WtzYh+yys=
other_private=GpdVGx0okEGqcIQV7l8mDV5g4h4sG7HquAHLW5kWic8=
deploy_public=omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=
deploy_private=8Cw5ysGd14dRObahAX/MtPrkmc7tOVj6OX5lM8HxerI=
service_public=kVOhhw2wAJuAofxO7h4EM0xboxGAwnsq9J6fluFY5CQ=
service_private=zu7OUHhfTlZWeeCpLDl0Lvn2nmRSwlTa5YmDsQEX+ck=

secret='ENC[NACL,6LwWPILu4YczKIx9SsY22zpt6wE+8tN7+xnc9NcsaC8GKVQaOAcJc4cV+fGwew==]'
secret2='ENC[NACL,rTKIRqoYsyozWBY3RRHKwQY8cEuMV5meY1fIkGw2X9hOzEuzT+C7XB7XOubGbXU=]'
empty='ENC[NACL,Lhz6grA1wmy7va5jLOoHBRTri3c/YWquPJ5PT6Gwf1/Cadcr6dlNwQ==]'
unicode='ENC[NACL,jZMV/CJNh3+hXZMi750m6fa/Iz2dIpD9XYZAxClbYGr5yETNL3Zvz0AygPOtjERn8E9BktNVlfzG]'
# it's
quote='ENC[NACL,jdQvn8dM0zTI3EDjqAhlNWqgPEdDSuMHIpWNmZpHotBDPbgw9zIl/4DY1h0=]'
# a'; INJECTED=yes; B='
injection='ENC[NACL,n00mDJZNTCYKSdWc000XpzsoOkF9zTjpPRMW3+t2TxR4r6JiyFoxbczHdX6YIQhkIOcsMCY2l6Ql4J2VYw==]'
# line1, a line feed, line2
lines='ENC[NACL,GENlNJaADt/Q0wMmyC9TsDOO1AhGjMpK57MFGdYKqqOpjieR9kP+P7LAcxXNWCtBUn2e]'
# $HOME `id` \n "q" !x
special='ENC[NACL,WI0sHR8jlj4WR+pPtyDuxEsRO4LQVxVrXCEtdO+rDOiOWudfAF3a79vvfXup+W4D3IXDgW8COjyO2V7j]'
# a, NUL, b, and two bytes that are not UTF-8
binary='ENC[NACL,meYkJ1kBYDUZL47+X1OHijVQJrYbDaBO+R5vzXMQqByF6lq7rdO7vf1oGDt1]'
# a token of its own: plaintext is not searched
nested='ENC[NACL,M79vvXzYN5eFoh4jPY4J+CTnurRZFoqWPcR2SrsyQxw53acqsh/mR+w8HOkIaaarTWe/Lg8wI1VQ3XGyP6ymm6Y5+hNQRKnsc7MlYsuPmQquYRvtbcsstH4BZNZIjZxpFv8e2/Rvutx//TPHA9rcT1uknt9dicD2EoD1]'

# Tokens that do not open.
forged='ENC[NACL,LwXUtonScMr7AihfNfRIZvfcii02ij+dbGo7Rw8m7MSfgKDRs+g/ydS3gdcA1w==]'
short='ENC[NACL,eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4]'
no_base64='ENC[NACL,A]'
kms_damaged='ENC[KMS,RP+BAwEBCmttc1BheWxvYWQB]'

# The Go program's own test token. It is well-formed, and no AWS KMS that is asked here made it.
kms='ENC[KMS,RP+BAwEBCmttc1BheWxvYWQB/4IAAQMBEEVuY3J5cHRlZERhdGFLZXkBCgABBU5vbmNlAf+EAAEHTWVzc2FnZQEKAAAAGf+DAQEBCVsyNF11aW50OAH/hAABBgEwAABw/4IBLFExUHVXdEIxRTdGMXNMcHZmQkdqTCtadUgrZlNDT3ZNRHFUeVJRRTRHVGc9ARgr/502fv/vQP+S/5H/k//gOf/gWDNh/53/3in/uf/L/5r/mTxbARYoewY+qb+skiPKwGUnT/2GADtui80vAA==]'

# The key of every KMS token that is made here, by its names. The test server has every key.
kms_id=1234abcd-12ab-34cd-56ef-1234567890ab
kms_arn=arn:aws:kms:us-east-1:111122223333:key/$kms_id

# The access key of AWS' own documentation.
access_key=AKIAIOSFODNN7EXAMPLE
secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

# pem PUBLIC|PRIVATE KEY: the text of a key file.
pem() {
    printf -- '-----BEGIN NACL %s KEY-----\n%s\n-----END NACL %s KEY-----\n' "$1" "$2" "$1"
}

# write_keys FOLDER: the master and config pairs, as `secretary genkeys` would leave them.
write_keys() {
    mkdir -p "$1"
    pem PUBLIC $master_public > "$1/master-public-key.pem"
    pem PRIVATE $master_private > "$1/master-private-key.pem"
    pem PUBLIC $config_public > "$1/config-public-key.pem"
    pem PRIVATE $config_private > "$1/config-private-key.pem"
    chmod 600 "$1"/*-private-key.pem
}

# with_keys COMMAND: the keys in variables, as a deployment has them.
with_keys() {
    env DEPLOY_PRIVATE_KEY=$master_private CONFIG_PUBLIC_KEY=$config_public "$@"
}

# with_kms [/SETTING..] COMMAND: AWS KMS as the test server plays it, behaving as the settings say. A
# variable that is set before it stays as it is.
with_kms() (
    case "$1" in
        /*) settings=$1; shift ;;
        *) settings= ;;
    esac
    export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID-$access_key}"
    export AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY-$secret_access_key}"
    export AWS_REGION="${AWS_REGION-us-east-1}"
    export AWS_ENDPOINT_URL_KMS="$kms_server$settings"
    export AWS_EC2_METADATA_DISABLED=true
    "$@"
)

# without_access_key COMMAND: within with_kms, so that credentials come from elsewhere.
without_access_key() {
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$@"
}

# counted COMMAND: and then, on standard error, what was asked of AWS KMS.
counted() {
    curl -s -X POST "$kms_server/reset"
    "$@"
    set -- $?
    curl -s "$kms_server/requests" |
        sed -E 's/.*"decrypt":([0-9]+),"generate":([0-9]+),.*/(asked: \2 GenerateDataKey, \1 Decrypt)\n/' >&2
    return $1
}

# with_secrets [/SETTING..] COMMAND: a secrets server, behaving as the settings say.
with_secrets() (
    case "$1" in
        /*) settings=$1; shift ;;
        *) settings= ;;
    esac
    export SECRETARY_SERVER="$secrets_server$settings"
    "$@"
)

# asked_for: a line for each name that the secrets server was asked for since the last time.
asked_for() {
    curl -s "$secrets_server/asked"
}

# run_cluster: what runs is what standard input says, and nothing else; tests/cluster-server/src/cluster.rs
# describes it.
run_cluster() {
    curl -s -X PUT --data-binary @- "$cluster_server/cluster"
}

# asked_of_cluster: a line for each request since the last time.
asked_of_cluster() {
    curl -s "$cluster_server/asked"
    curl -s -X POST "$cluster_server/reset"
}

# with_daemon [/SETTING..] [FLAGS] COMMAND: a daemon with the master private key, that is gone again when the
# command has ended. $daemon is its URL. Without the flag --workloads it asks Marathon and Mesos as the
# test server plays them, behaving as the settings say. What it writes to standard error is in daemon.err.
with_daemon() (
    settings=
    flags=
    case "$1" in /*) settings=$1; shift ;; esac
    case "$1" in -*) flags=$1; shift ;; esac
    start_daemon $flags
    "$@"
    set -- $?
    stop_daemon
    exit $1
)

# start_daemon [FLAG..]: leaves $daemon and $daemon_pid, or ends the command with what the daemon said.
start_daemon() {
    rm -f port
    case " $*" in
        *" --workloads"*) ;;
        *) set -- --marathon-url "$cluster_server$settings" --mesos-leader-url "$cluster_server$settings" "$@" ;;
    esac
    scheme=http
    case " $*" in *" --tls-cert-file"*) scheme=https ;; esac
    env -i PATH="$PATH" MASTER_PRIVATE_KEY="${daemon_master-$master_private}" CONFIG_PUBLIC_KEY="${daemon_config-$config_public}" \
        AWS_ACCESS_KEY_ID="$access_key" AWS_SECRET_ACCESS_KEY="$secret_access_key" AWS_REGION=us-east-1 \
        AWS_ENDPOINT_URL_KMS="$kms_server$kms_settings" AWS_EC2_METADATA_DISABLED=true RUST_LOG=trace RUST_BACKTRACE=full \
        secretary daemon --ip 127.0.0.1 --port 0 --port-file port "$@" 2> daemon.err &
    daemon_pid=$!
    until [ -s port ]; do
        if ! kill -0 $daemon_pid 2> /dev/null; then
            wait $daemon_pid
            set -- $?
            cat daemon.err >&2
            exit $1
        fi
        sleep 0.01
    done
    daemon=$scheme://127.0.0.1:$(cat port)
}

# stop_daemon: as systemd does, and says so if it did not end as it should.
stop_daemon() {
    kill -TERM $daemon_pid 2> /dev/null
    wait $daemon_pid || echo "the daemon left with $?" >&2
}

# await_end: returns when a daemon that was told to end has done so. Told again it would hurry, and say so.
await_end() {
    while state=$(cut -d ' ' -f 3 /proc/$daemon_pid/stat 2> /dev/null) && [ "$state" != Z ]; do sleep 0.01; done
}

# hup: has the daemon read its files again, and prints what it says to that.
hup() {
    said=$(wc -l < daemon.err)
    kill -HUP $daemon_pid
    until tail -n +$((said + 1)) daemon.err | grep -q -e 'files were read again' -e 'stays in use'; do sleep 0.01; done
    tail -n +$((said + 1)) daemon.err
}

# admin PATH: what the daemon answers at the address of --admin-listen.
admin() {
    curl -s "$(sed -n 's|.*note: metrics on \(.*\)/metrics$|\1|p' daemon.err)$1"
}

# as_app [NAME=VALUE..] COMMAND: in a container of the app /demo, which has no key but its deploy key. A
# variable that is set before it stays as it is.
as_app() {
    env SECRETARY_URL="${SECRETARY_URL-$daemon}" MASTER_PUBLIC_KEY="${MASTER_PUBLIC_KEY-$master_public}" \
        DEPLOY_PRIVATE_KEY="${DEPLOY_PRIVATE_KEY-$deploy_private}" MARATHON_APP_ID="${MARATHON_APP_ID-/demo}" \
        MARATHON_APP_VERSION="${MARATHON_APP_VERSION-2015-12-04T12:25:08.426Z}" MESOS_TASK_ID="${MESOS_TASK_ID-demo.1}" \
        "$@"
}

# as_task [NAME=VALUE..] COMMAND: the same as the Mesos task job.1, which has no app.
as_task() {
    env SECRETARY_URL="${SECRETARY_URL-$daemon}" MASTER_PUBLIC_KEY="${MASTER_PUBLIC_KEY-$master_public}" \
        DEPLOY_PRIVATE_KEY="${DEPLOY_PRIVATE_KEY-$deploy_private}" MESOS_TASK_ID="${MESOS_TASK_ID-job.1}" "$@"
}

# app [NAME=VALUE..]: what run_cluster reads of the app /demo with these variables beside its deploy key.
app() {
    printf '{"apps":[{"id":"/demo","version":"2015-12-04T12:25:08.426Z","tasks":["demo.1"],"env":{"DEPLOY_PUBLIC_KEY":"%s"' $deploy_public
    for variable; do printf ',"%s":"%s"' "${variable%%=*}" "${variable#*=}"; done
    printf '}}]}'
}

# task [LABEL=VALUE..]: the same of the Mesos task job.1.
task() {
    printf '{"tasks":[{"id":"job.1","labels":{"DEPLOY_PUBLIC_KEY":"%s"' $deploy_public
    for label; do printf ',"%s":"%s"' "${label%%=*}" "${label#*=}"; done
    printf '}}]}'
}

# workload [LINE..]: a file for --workloads, with the app /demo and these members beside its deploy key.
workload() {
    printf '[[workload]]\napp = "/demo"\ndeploy_public_key = "%s"\n' $deploy_public
    printf '%s\n' "$@"
}

# audit_lines SEQ PREV EVENT..: lines of an audit log, from number SEQ on and behind the line with the hash
# PREV, as its format is documented.
audit_lines() {
    seq=$1 prev=$2
    shift 2
    for event; do
        line="{\"seq\":$seq,\"prev\":\"$prev\",\"time\":\"2026-03-01T12:00:00.000000Z\",\"event\":\"$event\",\"app\":\"/web\""
        prev=$(printf %s "$line" | sha256sum | cut -d ' ' -f 1)
        printf '%s,"hash":"%s"}\n' "$line" "$prev"
        seq=$((seq + 1))
    done
}

# handle TOKEN: what an agent sends of a token in its configuration.
handle() {
    inner=${1#ENC[}
    printf %s "${inner%]}"
}

# request HANDLE..: as an agent writes it.
request() {
    printf '{"secrets":['
    comma=
    for one; do
        printf '%s"%s"' "$comma" "$one"
        comma=,
    done
    printf '],"version":"1.0"}'
}

# a_line_each: an answer, with a line for each handle, and long tokens cut.
a_line_each() { sed -E 's/\},"/},\n"/g; s/((NACL|KMS),[A-Za-z0-9+\/]{8})[A-Za-z0-9+\/= ]*/\1../g'; echo; }
no_hash=0000000000000000000000000000000000000000000000000000000000000000

# hash_of FILE: the hash of its last line.
hash_of() {
    tail -n 1 "$1" | sed 's/.*,"hash":"//; s/"}$//'
}

# in_all_builds COMMAND: without the lines for commands that a smaller program does not have.
in_all_builds() {
    "$@" > all.out 2> all.err
    set -- $?
    sed -E '/^  (agent|audit|daemon|secret|server) /d' all.out
    sed -E '/^  (agent|audit|daemon|secret|server) /d' all.err >&2
    rm all.out all.err
    return $1
}
