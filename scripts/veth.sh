# Two network namespaces with a veth pair between them: `$from` has the interface `sends`, `$to` has `hears`.
# To be sourced by a script that runs as root; `$room` is a directory of its own, and all of it is gone at the end.

for tool in ip tcpreplay jq python3; do
    command -v "$tool" >/dev/null || { echo "$tool is needed" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo 'root is needed, for network namespaces' >&2; exit 2; }

room=$(mktemp -d)
from=mqttsniff-from-$$ to=mqttsniff-to-$$
cleanup() {
    ip netns del "$from" 2>/dev/null || true
    ip netns del "$to" 2>/dev/null || true
    rm -rf "$room"
}
trap cleanup EXIT
ip netns add "$from"
ip netns add "$to"
ip link add sends netns "$from" type veth peer name hears netns "$to"
ip -n "$from" link set sends up
ip -n "$to" link set hears up
# The kernels of both ends would join in with router solicitations.
ip netns exec "$from" sysctl -qw net.ipv6.conf.sends.disable_ipv6=1
ip netns exec "$to" sysctl -qw net.ipv6.conf.hears.disable_ipv6=1

# Waits until whoever captures there has a packet socket.
await_capture() {
    until ip netns exec "$to" ss -0 -H -a 2>/dev/null | grep -q hears; do sleep 0.05; done
    sleep 0.3
}
