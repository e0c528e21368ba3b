# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A card is taken out and another one put into its slot while the host runs. The claim's guest is off meanwhile.

# monitor EVENT COMMAND ARGUMENTS: QEMU executes it (QMP; ARGUMENTS is JSON); returns after that event, or at once without one
monitor() {
    timeout 180 python3 - "$@" <<'PYTHON'
import json, sys
event, command, arguments = sys.argv[1:]
with open("/dev/virtio-ports/monitor", "r+b", buffering=0) as port:
    for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": json.loads(arguments), "id": 1}):
        port.write(json.dumps(request).encode() + b"\n")
    wanted = {"answer"} | ({event} if event else set())
    text = b""
    while wanted:
        text += port.read(4096)
        *lines, text = text.split(b"\n")
        for line in filter(None, map(bytes.strip, lines)):
            message = json.loads(line)
            if message.get("id") == 1:
                if "error" in message:
                    sys.exit(message["error"]["desc"])
                wanted.discard("answer")
            wanted.discard(message.get("event"))
PYTHON
}
take_out() {
    monitor DEVICE_DELETED device_del '{"id": "plain"}' && wait_for 60 is_away || why "the card is still there"
}
is_away() { [ ! -e "$PCI/$PLAIN" ]; }
# put_in MAC: a card of the same model, with that address and the serial number that QEMU makes of it
put_in() {
    monitor "" device_add "{\"driver\": \"e1000e\", \"id\": \"plain\", \"bus\": \"rp9\", \"netdev\": \"net-plain\", \"mac\": \"$1\"}" &&
        wait_for 60 test -e "$PCI/$PLAIN" || why "no card appeared"
}
is_bound() { [ "$(driver "$PLAIN")" = "$1" ]; }
withheld() { buslane inventory --address "$PLAIN" --json | jq -r '.functions[0].holders[] | select(.kind == "quarantine") | .detail'; }
is_withheld() { [ -n "$(withheld)" ]; }

whole_card() {
    exits 0 buslane allocate plain --for appliance --quiet || return
    whole=$OUT
    same "its driver" "$(driver "$PLAIN")" vfio-pci
}
came_back() {
    take_out && put_in "$first_mac" || return
    wait_for 120 is_bound vfio-pci || why "its driver is '$(driver "$PLAIN")'" || return
    same "what is in quarantine" "$(withheld)" ""
}
exchanged() {
    take_out && put_in "$other_mac" || return
    wait_for 120 is_withheld || why "it is not in quarantine" || return
    holds "$(withheld)" "not certain which card this is" "$other_mac" || return
    wait_for 60 is_bound e1000e || why "its driver is '$(driver "$PLAIN")'" || return
    same "its driver_override" "$(cat "$PCI/$PLAIN/driver_override")" "(null)"
}
not_given() {
    run buslane doctor --json
    holds "$(jq -r --arg a "$PLAIN" '.findings[] | select(.code == "in-quarantine" and .subject == $a) | .remedy' <<<"$OUT")" \
        "buslane claims rebind $whole --here"
}
meant() {
    exits 0 buslane claims rebind "$whole" --here || return
    same "its driver" "$(driver "$PLAIN")" vfio-pci && same "what is in quarantine" "$(withheld)" ""
}
given_back() { exits 0 buslane release "$whole" && same "its driver" "$(driver "$PLAIN")" e1000e; }

exchange_checks() {
    first_mac=52:54:00:aa:00:09 other_mac=52:54:00:aa:00:0e whole=""
    check "a whole card is claimed" whole_card
    check "taken out and put in again it is the claim's as before, ready for its guest" came_back
    check "another card of the same model in its slot is withheld, and keeps its driver" exchanged
    check "doctor names the card, and what to do" not_given
    check "claims rebind --here: the card is meant, and made ready" meant
    check "its release gives the host its driver back" given_back
}
